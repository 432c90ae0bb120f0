// Answers as services send them: each value arrives exact, or the read is refused in words.
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Cell, jsonTextOf } from '../../spec/data-types.js';
import { failureOf } from '../../suite/bench.js';
import { type Handler, inputOf, json, open, read, serve } from './test-stand.js';

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
    expect(JSON.parse(JSON.stringify(rows[0]))[2]).toBe('{"x":1e999,"y":[1.0,-0,1E2]}');
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
      'Row 2 of page 1 of the answer has the member "c" twice in one object.',
    );
    const envelope = await serve(json('{"items":[{"a":1}],"items":[{"a":2}]}'));
    for (const more of [{}, { dataPath: 'items' }, { dataPath: '/items' }]) {
      const { message } = await failureOf(read({ url: envelope.url, ...more }));
      expect(message).toMatch(/several lists|twice in one object/);
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

  it('VA5: bytes that are none of their charset are refused, and encoding says what it is', async () => {
    const stand = await serve((_request, response) =>
      response.end(Buffer.from('[{"v":"Zürich"}]', 'latin1')),
    );
    const { message, remedy } = await failureOf(read({ url: stand.url }));
    expect([message, remedy]).toEqual([
      'The bytes of the answer are no text in utf-8.',
      expect.stringContaining('encoding'),
    ]);
    expect((await read({ url: stand.url, encoding: 'iso-8859-1' })).rows).toEqual([['Zürich']]);
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

  it('VA3: no row of what stands beside an empty list', async () => {
    expect((await rowsOf({ data: [], included: [{ type: 'x' }] })).rows).toEqual([]);
    expect((await rowsOf({ errors: [], warnings: [{ code: 1 }], data: [{ id: 1 }] })).rows).toEqual([[1]]);
    expect((await rowsOf({ columns: ['a'], users: [] })).rows).toEqual([]);
    expect((await rowsOf({ data: null, meta: { tags: ['a'] } })).rows).toEqual([]);
    expect(
      (await rowsOf({ hits: { total: { value: 1 }, hits: [{ a: 1 }] }, aggregations: { x: [] } })).rows,
    ).toEqual([[1]]);
    // Without its list the answer is one row, and what stands beside the list is none.
    expect((await rowsOf({ meta: 1, included: [{ type: 'x' }] })).rows).toEqual([[1, [{ type: 'x' }]]]);
    expect(await messageOf({ users: [], groups: [{ id: 1 }] })).toBe(
      'The answer has several lists: "/users", "/groups".',
    );
    expect(await messageOf({ data: null, errors: [{ message: 'denied' }] })).toBe(
      'The source answered with errors.',
    );
    expect(await messageOf({ data: { u: [{ a: 1 }] }, errors: [{ m: 1 }] })).toBe(
      'The source answered with errors.',
    );
    expect(await messageOf({ data: { u: null }, errors: [{ m: 1 }] }, { dataPath: 'data.u' })).toBe(
      'The source answered with errors.',
    );
  });

  it('VA3: an absent list under a data path is no rows, but not where another list stands there', async () => {
    expect((await rowsOf({ kind: 'list' }, { dataPath: 'items' })).rows).toEqual([]);
    expect((await rowsOf({ kind: 'list', warnings: [{ a: 1 }] }, { dataPath: 'items' })).rows).toEqual([]);
    expect(await messageOf({ items: [{ a: 1 }] }, { dataPath: 'item' })).toBe(
      'The answer has nothing at the data path "item", and a list at "items".',
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
    expect(await messageOf({ kind: 'list' }, tokens)).toBe('No page of the answer has a list.');
  });
});

describe('the next page', () => {
  it('VA2: is found under a name with dots, and a misspelt path is told where the page says that there are more', async () => {
    const stand = await serve((request, response) => {
      const page = Number(query(request).get('p') ?? 1);
      const next = page < 3 ? { '@odata.nextLink': `${stand.url}/?p=${page + 1}` } : {};
      json({ value: [{ id: page }], ...next })(request, response);
    });
    const url = { url: stand.url, PaginationType: 'NextUrl' };
    expect((await read({ ...url, NextUrlFieldPath: '@odata.nextLink' })).rows).toHaveLength(3);
    const { message, remedy, kind } = await failureOf(read(url));
    expect(message).toBe(
      'The first page has nothing at NextUrlFieldPath ("next"), and says at "@odata.nextLink" that there are more.',
    );
    expect([kind, remedy]).toEqual([
      'invalid_config',
      'Set NextUrlFieldPath to where the answer refers to its next page.',
    ]);
    const { session } = await open(inputOf(url));
    expect((await failureOf(session.ping())).kind).toBe('invalid_config');
  });

  it.each([
    [{ paging: { next: '/x' } }, {}],
    [{ has_more: true }, {}],
    [{ page: { last: false } }, {}],
    [{ _links: { next: { href: '/x' } } }, {}],
    [{}, { link: '</x>; rel="next"' }],
  ])('VA2: is missed where the answer says it in another way: %j %j', async (more, headers) => {
    const stand = await serve(json({ items: [{ id: 1 }], ...more }, headers as Record<string, string>));
    for (const PaginationType of ['NextToken', 'NextUrl']) {
      const { message } = await failureOf(read({ url: stand.url, PaginationType }));
      expect(message).toMatch(/^The first page has nothing at Next\w+FieldPath/);
    }
  });

  it('VA2: is not missed where there is none', async () => {
    const more = { next_page: null, has_more: false, paging: { next: '', cursor: null }, isLast: true };
    const stand = await serve(json({ items: [{ id: 1 }], ...more }));
    expect((await read({ url: stand.url, ...tokens })).rows).toEqual([[1, null]]);
  });

  it('VA2: without pagination is told of, unless the first page is all that is wanted', async () => {
    const all = { value: [{ id: 1 }, { id: 2 }] };
    for (const [more, headers, status] of [
      [{ '@odata.nextLink': '/x' }, {}, 200],
      [{ has_more: true }, {}, 200],
      [{}, { link: '<?p=2>; rel="next"' }, 200],
      [{}, {}, 206],
    ] as const) {
      const stand = await serve((_request, response) =>
        response.writeHead(status, { ...headers }).end(JSON.stringify({ ...all, ...more })),
      );
      const refused = await failureOf(read({ url: stand.url }));
      expect([refused.kind, refused.remedy]).toEqual([
        'invalid_config',
        expect.stringContaining('PaginationFirstPageOnly'),
      ]);
      const { session } = await open(inputOf({ url: stand.url }));
      expect((await failureOf(session.ping())).kind).toBe('invalid_config');
      expect((await read({ url: stand.url }, { limit: 2 })).rows).toHaveLength(2);
      expect((await read({ url: stand.url, PaginationFirstPageOnly: true })).rows).toHaveLength(2);
    }
    for (const fine of [
      { ...all, nextDueDate: '2026-01-01', cursor: 'x' },
      { ...all, pageInfo: { hasNextPage: false, next: 'x' } },
      { id: 1, next: 'step' },
    ]) {
      const stand = await serve(json(fine));
      expect((await read({ url: stand.url })).rows.length).toBeGreaterThan(0);
    }
  });

  it('VA9: is asked for with the query as it stands, but for the paging parameter', async () => {
    const stand = await serve(json({ value: [] }));
    const kept = "a=New%20York&$filter=city%20eq%20'x'&b[]=1;2&c=%zz&skip";
    const sent = async (more: Record<string, unknown>, url = `${stand.url}/?${kept}`) => {
      stand.requests.length = 0;
      await read({ url, ...more });
      return stand.requests[0]?.url;
    };
    const plain = await sent({});
    const offset = { PaginationType: 'Offset', OffsetStartParamName: '$skip', OffsetPageSize: 0 };
    expect(await sent(offset)).toBe(`${plain}&$skip=0`);
    expect(await sent(offset, `${stand.url}/?%24skip=9&${kept}&$skip=8`)).toBe(
      plain?.replace('?', '?$skip=0&'),
    );
    const more = [{ name: '$top', value: 'a b+c,d:e&f' }];
    expect(await sent({ queryParameters: more })).toBe(`${plain}&$top=a%20b%2Bc,d:e%26f`);
    const key = { authSchema: 'apiKey', apiKeyParameter: 'key', apiKey: 'k&1' };
    expect(await sent(key)).toBe(`${plain}&key=k%261`);
  });

  it('VA10: is never a page that was read before, and zero is no page', async () => {
    const cycle = await serve((request, response) => {
      const token = query(request).get('pageToken');
      json({ items: [{ id: token ?? 'first' }], nextPageToken: token === 'A' ? 'B' : 'A' })(
        request,
        response,
      );
    });
    const error = await failureOf(read({ url: cycle.url, ...tokens }));
    expect([error.message, cycle.requests.length]).toEqual([
      'The source leads to a page that was read before.',
      3,
    ]);
    const zero = await serve((request, response) => {
      const page = Number(query(request).get('page') ?? 0);
      json({ next: page < 2 ? page + 1 : 0, items: [{ id: page }] })(request, response);
    });
    const given = {
      url: zero.url,
      PaginationType: 'NextPage',
      NextPageFieldPath: 'next',
      NextPageInitialValue: 0,
    };
    expect((await read(given)).rows.map(([id]) => id)).toEqual([0, 1, 2]);
    const cursor = await serve(json({ items: [{ id: 1 }], next: 0 }));
    const byToken = { url: cursor.url, PaginationType: 'NextToken', NextTokenFieldPath: 'next' };
    expect((await read(byToken)).rows).toHaveLength(1);
  });

  it('VA10: is the end where the connection says that a 404 is, and else the remedy says how', async () => {
    const stand = await serve((request, response) => {
      const page = Number(query(request).get('page') ?? 1);
      if (page > 2) response.writeHead(404).end();
      else json({ items: [{ id: page }] })(request, response);
    });
    const given = { url: stand.url, PaginationType: 'NextPage' };
    expect((await read({ ...given, PaginationEndsAt404: true })).rows).toHaveLength(2);
    expect((await failureOf(read(given))).remedy).toContain('PaginationEndsAt404');
    const gone = await failureOf(read({ ...given, NextPageInitialValue: 9, PaginationEndsAt404: true }));
    expect(gone.kind).toBe('not_found');
  });

  it('Q: is asked for by Qlik’s names, in the query or in headers', async () => {
    const all = Array.from({ length: 5 }, (_, id) => ({ id }));
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('start') ?? request.headers['x-start']);
      const count = Number(query(request).get('count') ?? request.headers['x-count']);
      json({ Total: 5, data: all.slice(start, start + count), other: [{ a: 1 }] })(request, response);
    });
    const common = {
      url: stand.url,
      PaginationType: 'Offset',
      OffsetStartFieldValue: '0',
      OffsetCountValue: '2',
    };
    const paths = { OffsetTotalPath: 'root/Total', OffsetDataPath: 'root/data' };
    for (const names of [
      { OffsetStartField: 'start', OffsetCountFieldName: 'count', IsOffsetStartFieldHeader: 'false' },
      {
        ...{ OffsetStartField: 'X-Start', OffsetCountFieldName: 'X-Count' },
        ...{ IsOffsetStartFieldHeader: 'true', IsOffsetCountFieldHeader: 'true' },
      },
    ]) {
      stand.requests.length = 0;
      const { rows } = await read({ ...common, ...paths, ...names });
      expect([rows.length, stand.requests.length]).toEqual([5, 4]);
    }
  });

  it.each([
    ['that is the size of the page', (start: number) => ({ total: start === 0 ? 2 : 1 }), 3],
    ['that is too low', () => ({ total: 1 }), 3],
    ['that is right', () => ({ total: 3 }), 3],
    ['that is capped', () => ({ total: 2 }), 3],
    ['that is absent', () => ({}), 3],
  ])('VA2: a total %s loses no row', async (_title, totalAt, requests) => {
    const all = [{ id: 0 }, { id: 1 }, { id: 2 }];
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('offset'));
      json({ ...totalAt(start), rows: all.slice(start, start + (start === 0 ? 2 : 1)) })(request, response);
    });
    const { rows } = await read({ url: stand.url, PaginationType: 'Offset', OffsetTotalPath: 'total' });
    expect([rows.length, stand.requests.length]).toEqual([3, requests]);
  });

  it('VA2: a total that is more than there are, or none, is told', async () => {
    const answer =
      (total: unknown): Handler =>
      (request, response) =>
        json({ total, rows: query(request).get('offset') === '0' ? [{ id: 1 }] : [] })(request, response);
    const given = { PaginationType: 'Offset', OffsetTotalPath: 'total' };
    const lying = await serve(answer(5));
    expect((await failureOf(read({ url: lying.url, ...given }))).message).toBe(
      'The source says that it has 5 rows, and sent 1 before an empty page.',
    );
    for (const total of ['many', { value: 1 }, -1, 1.5]) {
      const stand = await serve(answer(total));
      expect((await failureOf(read({ url: stand.url, ...given }))).kind).toBe('invalid_config');
    }
  });
});
