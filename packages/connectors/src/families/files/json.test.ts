import { describe, expect, it } from 'vitest';
import { doublesTextOf, jsonTextOf } from '../../interface/data-types.js';
import { memoryFile, readAll, readFailure } from './memory-file.js';

const lines = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');

describe('JSON and NDJSON files', () => {
  const rows = [
    { id: 1, name: 'Zoë', paid: true, tags: ['a'] },
    { id: 2.5, extra: 'x', name: null, tags: { deep: 1 } },
  ];
  const columns = [
    { name: 'id', type: 'float', nullable: true },
    { name: 'name', type: 'string', nullable: true },
    { name: 'paid', type: 'boolean', nullable: true },
    { name: 'tags', type: 'json', nullable: true },
    { name: 'extra', type: 'string', nullable: true },
  ];
  const values = [
    [1, 'Zoë', true, ['a'], null],
    [2.5, null, null, { deep: 1 }, 'x'],
  ];

  it('take the union of all keys as columns, with types that hold every value', async () => {
    expect(await readAll(memoryFile('a.json', JSON.stringify(rows, null, 2)))).toEqual({
      columns,
      rows: values,
      file: { format: 'json', encoding: 'utf-8' },
    });
    for (const chunkBytes of [1, 7, 65_536]) {
      const file = memoryFile('a.ndjson', `\ufeff${lines(rows)}\r\n\n`, { chunkBytes });
      expect(await readAll(file)).toMatchObject({ columns, rows: values });
    }
  });

  it('read one object as one row', async () => {
    expect((await readAll(memoryFile('a.json', '{"a": 1}'))).rows).toEqual([[1]]);
  });

  it('call a column of mixed values json and keep the values', async () => {
    const { columns: mixed, rows: kept } = await readAll(
      memoryFile('a.jsonl', lines([{ a: 1 }, { a: '1' }, { a: null }])),
    );
    expect(mixed[0]?.type).toBe('json');
    expect(kept).toEqual([[1], ['1'], [null]]);
  });

  it('VA4: decide columns by the first thousand rows: what comes later is in _more or named, exact or refused', async () => {
    const sample = Array.from({ length: 1_000 }, (_, id) => ({ id, text: 'x' }));
    const late = `${lines([...sample, { id: 1, text: 'y' }])}\n{"id":2,"later":9007199254740993,"at":{"x":1.0}}\n`;
    const all = await readAll(memoryFile('a.ndjson', late));
    expect(all.columns.map(({ name, type }) => `${name}:${type}`)).toEqual([
      'id:float',
      'text:string',
      '_more:json',
    ]);
    expect(all.rows[1_000]).toEqual([1, 'y', null]);
    expect(jsonTextOf(all.rows.at(-1)?.[2] ?? null)).toBe('{"later":9007199254740993,"at":{"x":1.0}}');
    const named = await readAll(memoryFile('a.ndjson', late), { columns: ['later', '_more'] });
    expect(named.columns[0]).toEqual({ name: 'later', type: 'json', nullable: true });
    expect(named.rows.at(-1)?.map((cell) => jsonTextOf(cell))).toEqual([
      '9007199254740993',
      '{"at":{"x":1.0}}',
    ]);
    const other = lines([...sample, { id: 'secret value' }, { text: 5 }]);
    const error = await readFailure(memoryFile('a.ndjson', other));
    expect(error.kind).toBe('protocol_error');
    expect(error.message).toMatch(
      /^Line 1001 of the file has a value of type string in column "id", whose earlier values are of type float/,
    );
    expect([error.message.includes('secret'), error.remedy]).toEqual([
      false,
      expect.stringContaining('"asText"'),
    ]);
    const texts = await readAll(memoryFile('a.ndjson', other), { asText: ['id', 'text'] });
    expect(texts.columns.map(({ type }) => type)).toEqual(['string', 'string', 'json']);
    expect([texts.rows[999], texts.rows[1_000], texts.rows[1_001]]).toEqual([
      ['999', 'x', null],
      ['secret value', null, null],
      [null, '5', null],
    ]);
  });

  it.each(['a.json', 'a.ndjson'])('VA8: keep every digit of a number (%s)', async (name) => {
    const rows = [
      '{"id":9007199254740993,"price":0.1,"sum":12345678901234567.89,"wide":1e400,"in":{"n":[1e400,1.0,-0]},"z":1}',
      '{"id":5,"price":10.50,"sum":1.5,"wide":18446744073709551616,"in":null,"z":"a"}',
    ];
    const content = name === 'a.json' ? `[${rows.join(' ,\n ')}]` : rows.join('\r\n');
    const { columns: found, rows: kept } = await readAll(memoryFile(name, content));
    expect(found.map(({ type }) => type)).toEqual(['bigint', 'float', 'decimal', 'decimal', 'json', 'json']);
    expect(kept[0]?.slice(0, 4)).toEqual(['9007199254740993', 0.1, '12345678901234567.89', '1e400']);
    expect(kept[1]).toEqual(['5', 10.5, '1.5', '18446744073709551616', null, 'a']);
    expect(jsonTextOf(kept[0]?.[4] ?? null)).toBe('{"n":[1e400,1.0,-0]}');
    expect(doublesTextOf(kept[0]?.[4] ?? null)).toBe('"{\\"n\\":[1e400,1.0,-0]}"');
  });

  it('VA8: refuse a row that names a member twice, whatever the depth', async () => {
    for (const row of ['{"a":1,"b":{"secret":2,"secret":3}}', '{"secret":1,"a":[],"s\\u0065cret":2}']) {
      for (const [name, content] of [
        ['a.json', `[{"a":1},${row}]`],
        ['a.ndjson', `{"a":1}\n${row}`],
      ] as const) {
        const { message } = await readFailure(memoryFile(name, content));
        expect(message).toMatch(/^(Row|Line) 2 of the file repeats the member "secret" in one object\.$/);
      }
    }
  });

  it('VA5: refuse bytes that are not UTF-8, and read UTF-16 without a mark', async () => {
    const latin1 = Buffer.from('[{"city":"Bern"},\n{"city":"Zürich"}]', 'latin1');
    const ndjson = Buffer.from('{"city":"Bern"}\n{"city":"Zürich"}', 'latin1');
    for (const [bytes, name, place] of [
      [latin1, 'a.json', 'row 2'],
      [ndjson, 'a.json', 'line 2'],
      [ndjson, 'a.ndjson', 'line 2'],
    ] as const) {
      const { message, remedy } = await readFailure(memoryFile(name, bytes));
      expect(message).toBe(`The bytes of ${place} of the file are not valid utf-8.`);
      expect(remedy).toContain('"file": {"encoding": "windows-1252"}');
      const file = { encoding: 'latin1' };
      const read = await readAll(memoryFile(name, bytes, { chunkBytes: 2 }), { file });
      expect([read.rows, read.file?.encoding]).toEqual([[['Bern'], ['Zürich']], 'windows-1252']);
      // A default is that of CSV: of JSON in UTF-8 it would make other characters.
      expect((await readFailure(memoryFile(name, bytes), { defaults: file })).message).toBe(message);
    }
    for (const mark of ['', '\ufeff']) {
      const little = Buffer.from(`${mark}{"city":"Zürich 🚢"}`, 'utf16le');
      for (const bytes of [little, Buffer.from(little).swap16()]) {
        for (const name of ['a.json', 'a.ndjson']) {
          expect((await readAll(memoryFile(name, bytes, { chunkBytes: 3 }))).rows).toEqual([['Zürich 🚢']]);
        }
      }
    }
  });

  it.each([1, 3, 65_536])(
    'SU11: read NDJSON that is named .json as NDJSON (pieces of %i)',
    async (chunkBytes) => {
      const log =
        '\ufeff\n {"protocol":{"minReaderVersion":1}}\r\n\n{"metaData":{"id":"a\\n"},"version":2}\n';
      for (const content of [log, Buffer.from(log, 'utf16le')]) {
        const read = await readAll(memoryFile('00.json', content, { chunkBytes }));
        expect(read.columns.map(({ name }) => name)).toEqual(['protocol', 'metaData', 'version']);
        expect(read.rows).toEqual([
          [{ minReaderVersion: 1 }, null, null],
          [null, { id: 'a\n' }, 2],
        ]);
        expect(read.file?.format).toBe('ndjson');
      }
      const many = lines(Array.from({ length: 1_001 }, (_, id) => ({ id })));
      const { columns: sampled } = await readAll(
        memoryFile('many.json', `${many}\n{"late":1}`, { chunkBytes }),
      );
      expect(sampled.map(({ name }) => name)).toEqual(['id', '_more']);
    },
  );

  it('SU11: read documents one behind the other as rows, and one document over several lines as one', async () => {
    const rowsOf = async (content: string) => {
      const { rows: found, file } = await readAll(memoryFile('a.json', content));
      return [file?.format, found];
    };
    expect(await rowsOf('{\n "a": 1\n}\n{\n "a": 2\n}')).toEqual(['json', [[1], [2]]]);
    expect(await rowsOf('{"a":1} {"a":2}')).toEqual(['json', [[1], [2]]]);
    expect(await rowsOf('{"a":1}\n')).toEqual(['json', [[1]]]);
    expect(await rowsOf('{"a":\n1}\n')).toEqual(['json', [[1]]]);
    for (const broken of [
      '{"a":1}\n[{"a":2}]',
      '[{"a":1}]\n[{"a":2}]',
      '{"a":1}\n{"a":2',
      '{"a":1},\n{"a":2}',
    ])
      expect((await readFailure(memoryFile('a.json', broken))).kind, broken).toBe('protocol_error');
  });

  it('give the same columns whatever the limit', async () => {
    const content = lines([{ a: 1 }, { a: 2, b: 3 }]);
    const { columns: few, rows: one } = await readAll(memoryFile('a.ndjson', content), { limit: 1 });
    expect(few).toHaveLength(2);
    expect(one).toEqual([[1, null]]);
  });

  it('D10: return keys such as __proto__ literally', async () => {
    const { columns: odd, rows: literal } = await readAll(
      memoryFile('a.ndjson', '{"__proto__": {"polluted": 1}, "constructor": 2}\n{"a": 1}'),
    );
    expect(odd.map(({ name }) => name)).toEqual(['__proto__', 'constructor', 'a']);
    expect(JSON.stringify(literal)).toBe('[[{"polluted":1},2,null],[null,null,1]]');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('say which line is broken, without quoting it', async () => {
    const error = await readFailure(memoryFile('a.ndjson', '{"a": 1}\n{"password": "hunter2"'));
    expect(error.kind).toBe('protocol_error');
    expect(error.message).toBe('Line 2 of the file is not valid JSON.');
    expect(error.cause).toBeUndefined();
    expect((await readFailure(memoryFile('a.json', '<!doctype html>'))).kind).toBe('protocol_error');
    const misplaced = await readFailure(memoryFile('a.json', '[{"ä": 1},\n {"ü€😀": 2,, "b": 3}]'));
    expect(misplaced.message).toBe('The file is not valid JSON, at character 12 of line 2.');
    const ended = await readFailure(memoryFile('a.json', '[{"a": 1},\n'));
    expect(ended.message).toBe('The file is not valid JSON, at character 1 of line 2.');
    expect((await readFailure(memoryFile('a.json', '[1, 2]'))).message).toBe(
      'Row 1 of the file is not a JSON object.',
    );
  });

  it('D18: refuse a value nested a hundred thousand deep, without a stack overflow', async () => {
    const deep = `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect((await readFailure(memoryFile('a.ndjson', deep))).kind).toBe('too_large');
    expect((await readFailure(memoryFile('a.json', deep))).kind).toBe('too_large');
  });

  it('D15: stop at a line or a document that never ends', async () => {
    const endless = function* () {
      yield Buffer.from('{"a": "');
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    };
    const line = memoryFile('a.ndjson', endless());
    expect((await readFailure(line)).kind).toBe('too_large');
    expect(line.bytesSent()).toBeLessThan(16 * 1024 * 1024);
    const document = memoryFile('a.json', endless());
    expect((await readFailure(document)).kind).toBe('too_large');
    expect(document.isClosed()).toBe(true);
  });
});
