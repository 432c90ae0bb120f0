// Responses as services send them: each value arrives exact, or the read is refused with an error.
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Cell, doublesTextOf, jsonTextOf } from '../../interface/data-types.js';
import { failureOf } from '../../suite/bench.js';
import { type Handler, json, read, serve } from './test-stand.js';

const texts = (row: readonly Cell[] | undefined) => row?.map((cell) => jsonTextOf(cell));
const query = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://x').searchParams;

/** A page for each value of a query parameter; `''` is the first page. */
const pages =
  (parameter: string, documents: Record<string, unknown>): Handler =>
  (request, response) =>
    json(documents[query(request).get(parameter) ?? ''] ?? { items: [], none: true })(request, response);

const tokens = { PaginationType: 'NextToken' };

describe('values of REST', () => {
  it('VA8 SU8: numbers keep their digits, at the top as bigint or decimal, inside JSON as they came', async () => {
    const stand = await serve(
      json(
        '[{"id":9007199254740993,"sum":0.12345678901234567890,"w":{"x":1e999 , "y":[1.0,-0,1E2]},"h":1e400}]',
      ),
    );
    const { columns, rows } = await read({ url: stand.url });
    expect(columns.map(({ type }) => type)).toEqual(['bigint', 'decimal', 'json', 'decimal']);
    expect(texts(rows[0])).toEqual([
      '"9007199254740993"',
      '"0.12345678901234567890"',
      '{"x":1e999,"y":[1.0,-0,1E2]}',
      '"1e400"',
    ]);
    expect(JSON.parse(doublesTextOf(rows[0]?.[2] ?? null))).toBe('{"x":1e999,"y":[1.0,-0,1E2]}');
  });

  it('SU4: minus zero is a float, and keeps its sign beside other numbers', async () => {
    const stand = await serve(json('[{"a":-0.0,"b":-0,"c":{"d":[-0]}},{"a":1,"b":9007199254740993}]'));
    const { columns, rows } = await read({ url: stand.url });
    expect(columns.map(({ type }) => type)).toEqual(['float', 'decimal', 'json']);
    expect(texts(rows[0])).toEqual(['-0', '"-0"', '{"d":[-0]}']);
  });

  it('VA8: a page token keeps its digits', async () => {
    const stand = await serve((request, response) => {
      const token = query(request).get('pageToken');
      json(
        token === null
          ? '{"items":[{"id":"a"}],"nextPageToken":9007199254740993}'
          : { items: [{ id: token }] },
      )(request, response);
    });
    const { rows } = await read({ url: stand.url, ...tokens });
    expect(rows.map(([id]) => id)).toEqual(['a', '9007199254740993']);
  });

  it('VA8: doubled names are refused, in a row and on the way to it', async () => {
    const stand = await serve(json('{"items":[{"a":1},{"a":1,"b":{"c":1,"c":2}}]}'));
    expect((await failureOf(read({ url: stand.url }))).message).toBe(
      'Row 2 of page 1 of the response repeats the member "c" in one object.',
    );
    const envelope = await serve(json('{"items":[{"a":1}],"items":[{"a":2}]}'));
    for (const more of [{}, { dataPath: 'items' }, { dataPath: '/items' }]) {
      const { message } = await failureOf(read({ url: envelope.url, ...more }));
      expect(message).toMatch(/several lists|repeats the member/);
    }
  });

  it.each([
    ['ISO-8859-1', Buffer.from('[{"v":"Zürich"}]', 'latin1'), 'Zürich'],
    ['"windows-1252"', Buffer.from('[{"v":"5 \x80"}]', 'latin1'), '5 €'],
    [
      'shift_jis',
      Buffer.from([...Buffer.from('[{"v":"'), 0x93, 0x8c, 0x8b, 0x9e, ...Buffer.from('"}]')]),
      '東京',
    ],
    ['utf-16', Buffer.from('\ufeff[{"v":"Zürich"}]', 'utf16le').swap16(), 'Zürich'],
    ['utf8', Buffer.from('\ufeff[{"v":"Zürich"}]'), 'Zürich'],
    ['', Buffer.from('[{"v":"Zürich"}]', 'utf16le'), 'Zürich'],
  ])('VA5: an answer in charset %s is read in it', async (charset, body, value) => {
    const declared = charset === '' ? '' : `; charset=${charset}`;
    const stand = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': `application/vnd.api+json${declared}` });
      // In two pieces, the cut within a character.
      response.write(body.subarray(0, 9));
      setImmediate(() => response.end(body.subarray(9)));
    });
    expect((await read({ url: stand.url })).rows).toEqual([[value]]);
  });

  it('VA5: bytes that are not valid in their charset are refused, and encoding overrides it', async () => {
    const stand = await serve((_request, response) =>
      response.end(Buffer.from('[{"v":"Zürich"}]', 'latin1')),
    );
    const { message, remedy } = await failureOf(read({ url: stand.url }));
    expect([message, remedy]).toEqual([
      'The bytes of the response are not valid utf-8.',
      expect.stringContaining('encoding'),
    ]);
    expect((await read({ url: stand.url, encoding: 'iso-8859-1' })).rows).toEqual([['Zürich']]);
    const halfMark = await serve((_request, response) =>
      response.end(Buffer.concat([Buffer.of(0xef, 0xbb), Buffer.from('[{"v":1}]')])),
    );
    expect((await failureOf(read({ url: halfMark.url }))).kind).toBe('protocol_error');
    const unknown = await serve(json([], { 'content-type': 'application/json; charset=klingon' }));
    expect((await failureOf(read({ url: unknown.url }))).message).toContain('klingon');
  });

  it('VA4: fields of later pages are in _more, or are columns where they are named; other types end the read', async () => {
    const stand = await serve(
      pages('pageToken', {
        '': { items: [{ id: 1 }], nextPageToken: 'b' },
        b: { items: [{ id: 2, late: 1.0, __proto__: null }, 'bare', null], nextPageToken: 'c' },
        c: { items: [{ id: 3, late: 'x', _more: true }] },
      }),
    );
    const { columns, rows } = await read({ url: stand.url, ...tokens });
    expect(columns.at(-1)).toEqual({ name: '_more', type: 'json', nullable: true });
    expect(rows.map(texts)).toEqual([
      ['1', 'null'],
      ['2', '{"late":1}'],
      ['null', '"bare"'],
      ['null', 'null'],
      ['3', '{"late":"x","_more":true}'],
    ]);
    const named = await read({ url: stand.url, ...tokens }, { columns: ['late', 'id'] });
    expect(named.rows.map(texts)).toEqual([
      ['null', '1'],
      ['1', '2'],
      ['null', 'null'],
      ['null', 'null'],
      ['"x"', '3'],
    ]);
    const whole = await serve(json([{ id: 1 }]));
    expect((await read({ url: whole.url })).columns).toHaveLength(1);
    expect((await failureOf(read({ url: whole.url }, { columns: ['nope'] }))).message).toBe(
      'There is no column "nope".',
    );
    const none = await serve(json([]));
    expect((await read({ url: none.url }, { columns: ['id'] })).columns).toHaveLength(1);
  });
});

describe('answers of lines', () => {
  const types = ['application/x-ndjson', 'application/jsonl; charset=utf-8', 'application/stream+json'];
  it.each(types)('VA5: NDJSON with CRLF is read line by line (%s)', async (type) => {
    const stand = await serve(
      json('\ufeff{"id":1,"next":"x"}\r\n\r\n{"id":9007199254740993}\r\n', { 'content-type': type }),
    );
    const { rows } = await read({ url: stand.url });
    expect(rows).toEqual([
      ['1', 'x'],
      ['9007199254740993', null],
    ]);
    const broken = await serve(json('{"id":1}\n{"id":2', { 'content-type': type }));
    expect((await failureOf(read({ url: broken.url }))).kind).toBe('protocol_error');
    const undeclared = await serve(json('{"id":1}\n{"id":2}'));
    expect((await failureOf(read({ url: undeclared.url }))).kind).toBe('protocol_error');
  });
});

describe('where the rows are', () => {
  const rowsOf = async (document: unknown, more: Record<string, unknown> = {}) => {
    const stand = await serve(json(document));
    return read({ url: stand.url, ...more });
  };
  const messageOf = async (document: unknown, more: Record<string, unknown> = {}) =>
    (await failureOf(rowsOf(document, more))).message;

  it('VA3: members next to an empty list are not rows', async () => {
    expect((await rowsOf({ data: [], included: [{ type: 'x' }] })).rows).toEqual([]);
    expect((await rowsOf({ errors: [], warnings: [{ code: 1 }], data: [{ id: 1 }] })).rows).toEqual([[1]]);
    expect((await rowsOf({ columns: ['a'], users: [] })).rows).toEqual([]);
    expect((await rowsOf({ data: null, meta: { tags: ['a'] } })).rows).toEqual([]);
    expect(
      (await rowsOf({ hits: { total: { value: 1 }, hits: [{ a: 1 }] }, aggregations: { x: [] } })).rows,
    ).toEqual([[1]]);
    // Without its list the response is one row; members next to the list are not rows.
    expect((await rowsOf({ meta: 1, included: [{ type: 'x' }] })).rows).toEqual([[1, [{ type: 'x' }]]]);
    expect(await messageOf({ users: [], groups: [{ id: 1 }] })).toBe(
      'The response has several lists: "/users", "/groups".',
    );
    expect(await messageOf({ data: null, errors: [{ message: 'denied' }] })).toBe(
      'The response of the source reports errors.',
    );
    expect(await messageOf({ data: { u: [{ a: 1 }] }, errors: [{ m: 1 }] })).toBe(
      'The response of the source reports errors.',
    );
    expect(await messageOf({ data: { u: null }, errors: [{ m: 1 }] }, { dataPath: 'data.u' })).toBe(
      'The response of the source reports errors.',
    );
  });

  it('VA3: an absent list at a data path has no rows, unless another list exists there', async () => {
    expect((await rowsOf({ kind: 'list' }, { dataPath: 'items' })).rows).toEqual([]);
    expect((await rowsOf({ kind: 'list', warnings: [{ a: 1 }] }, { dataPath: 'items' })).rows).toEqual([]);
    expect(await messageOf({ items: [{ a: 1 }] }, { dataPath: 'item' })).toBe(
      'The response has nothing at the data path "item", but a list at "items".',
    );
    expect(await messageOf({ data: { items: [{ a: 1 }] } }, { dataPath: 'data.item' })).toContain(
      'a list at "items"',
    );
  });

  it('VA2: names with dots and slashes in them come before paths', async () => {
    const document = { 'a.b': [{ x: 1 }], a: { b: [{ x: 2 }], 'c.d': { e: [{ x: 3 }] } }, 'f/g': [{ x: 4 }] };
    const found = async (dataPath: string) => (await rowsOf(document, { dataPath })).rows[0]?.[0];
    expect(await Promise.all(['a.b', '/a/b', 'a.c.d.e', 'f/g', 'root/a/b', '/f~1g'].map(found))).toEqual([
      1, 2, 3, 4, 2, 4,
    ]);
  });

  it('VA3: columns come from the first page that has rows', async () => {
    for (const first of [
      { items: [], nextPageToken: 'b' },
      { kind: 'list', nextPageToken: 'b' },
    ]) {
      const stand = await serve(
        pages('pageToken', {
          '': first,
          b: { items: [{ id: 10, n: 'a' }], nextPageToken: 'c' },
          c: { kind: 'list', nextPageToken: 'd' },
          d: { items: [{ id: 11, n: 'b' }] },
        }),
      );
      for (const more of [{}, { dataPath: 'items' }]) {
        const { rows } = await read({ url: stand.url, ...tokens, ...more });
        expect(rows).toEqual([
          [10, 'a', null],
          [11, 'b', null],
        ]);
      }
    }
    expect(await messageOf({ kind: 'list' }, tokens)).toBe('No page of the response has a list.');
  });
});
