import { describe, expect, it } from 'vitest';
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
    });
    for (const chunkBytes of [1, 7, 65_536]) {
      const file = memoryFile('a.ndjson', `\ufeff${lines(rows)}\r\n\n`, { chunkBytes });
      expect(await readAll(file)).toEqual({ columns, rows: values });
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

  it('decide columns by the first thousand rows: later keys are left out, later values must fit', async () => {
    const sample = Array.from({ length: 1_000 }, (_, id) => ({ id, text: 'x' }));
    const fits = await readAll(memoryFile('a.ndjson', lines([...sample, { id: 1, later: 1, text: 5 }])));
    expect(fits.columns.map(({ name }) => name)).toEqual(['id', 'text']);
    expect(fits.rows.at(-1)).toEqual([1, '5']);
    const error = await readFailure(memoryFile('a.ndjson', lines([...sample, { id: 'secret value' }])));
    expect(error.kind).toBe('protocol_error');
    expect(error.message).toMatch(/^Line 1001 of the file has a value that is not float/);
    expect(error.message).not.toContain('secret');
  });

  it('give the same columns whatever the limit', async () => {
    const content = lines([{ a: 1 }, { a: 2, b: 3 }]);
    const { columns: few, rows: one } = await readAll(memoryFile('a.ndjson', content), { limit: 1 });
    expect(few).toHaveLength(2);
    expect(one).toEqual([[1, null]]);
  });

  it('D10: bring keys such as __proto__ back literally', async () => {
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
