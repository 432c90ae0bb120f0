import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formatOf } from './formats.js';
import { memoryFile, readAll, readFailure } from './memory-file.js';
import { readFile } from './read-file.js';

function manyRows(count: number): Buffer {
  return Buffer.from(`id,name\n${Array.from({ length: count }, (_, id) => `${id},name ${id}\n`).join('')}`);
}

describe('a file', () => {
  it('tells its format by the ending of its name', () => {
    expect(formatOf('a/b.v2/X.CSV')).toEqual({ format: 'csv', isGzip: false });
    expect(formatOf('x.ndjson.gz')).toEqual({ format: 'ndjson', isGzip: true });
    expect(formatOf('x.jsonl')).toEqual({ format: 'ndjson', isGzip: false });
    for (const name of ['csv', 'x.parquet.gz', 'x.txt', 'x', 'x.gz', ''])
      expect(formatOf(name).format).toBeUndefined();
  });

  it('of an unknown kind is refused, unless the request names its format', async () => {
    const error = await readFailure(memoryFile('a.txt', 'x'));
    expect([error.kind, error.remedy]).toEqual([
      'unsupported',
      expect.stringContaining('"file": {"format": "csv"}'),
    ]);
    const rows = [['1', '2']];
    const packed = gzipSync('a;b\n1;2\n');
    for (const said of [{ file: { format: 'csv' } }, { defaults: { format: 'csv' } }] as const)
      expect((await readAll(memoryFile('a.txt.gz', packed), said)).rows).toEqual(rows);
    // A request says more than the name, and the name more than a default.
    expect((await readAll(memoryFile('a.json', 'a;b\n1;2\n'), { file: { format: 'csv' } })).rows).toEqual(
      rows,
    );
    const asJson = await readAll(memoryFile('a.json', '{"a":1}'), { defaults: { format: 'csv' } });
    expect(asJson.file).toEqual({ format: 'json', encoding: 'utf-8' });
  });

  it('VA6: refuses request options of another format, and ignores such a default', async () => {
    const file = { delimiter: ';' };
    const error = await readFailure(memoryFile('a.ndjson', '{"a":1}'), { file });
    expect([error.kind, error.message]).toEqual([
      'invalid_query',
      'file.delimiter does not apply to files of the format ndjson.',
    ]);
    expect((await readAll(memoryFile('a.ndjson', '{"a":1}'), { defaults: file })).rows).toEqual([[1]]);
    const quoted = await readFailure(memoryFile('a.csv', 'a'), { file: { quote: ';' }, defaults: file });
    expect(quoted.kind).toBe('invalid_query');
  });

  it('is unpacked when its name or its store says gzip', async () => {
    const packed = gzipSync('a\n1\n');
    expect((await readAll(memoryFile('a.csv.gz', packed, { chunkBytes: 3 }))).rows).toEqual([['1']]);
    expect((await readAll(memoryFile('a.csv', packed, { isGzip: true }))).rows).toEqual([['1']]);
  });

  it('that is truncated or not gzip fails instead of looking complete', async () => {
    const packed = gzipSync(manyRows(50_000));
    const cut = memoryFile('a.csv.gz', packed.subarray(0, packed.length - 20));
    expect((await readFailure(cut)).kind).toBe('protocol_error');
    expect((await readFailure(memoryFile('a.csv.gz', 'plain text'))).kind).toBe('protocol_error');
  });

  it('D16: that expands without end is stopped, and its transfer ends', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a,b\n'));
    const file = memoryFile('a.csv.gz', bomb, { chunkBytes: 4_096 });
    expect((await readFailure(file)).kind).toBe('too_large');
    expect(file.bytesSent()).toBeLessThan(bomb.length);
    expect(file.isClosed()).toBe(true);
  });

  it('is transferred only as fast as its rows are taken, and no further than the limit', async () => {
    const content = manyRows(300_000);
    const file = memoryFile('a.csv', content);
    const stream = await readFile(file, { batchRows: 100 });
    const batches = stream.batches[Symbol.asyncIterator]();
    await batches.next();
    expect(file.bytesSent()).toBeLessThan(content.length / 4);
    await batches.return?.();
    expect(file.isClosed()).toBe(true);

    const limited = memoryFile('a.csv', content);
    expect((await readAll(limited, { limit: 5 })).rows).toHaveLength(5);
    expect(limited.bytesSent()).toBeLessThan(content.length / 4);
    expect(limited.isClosed()).toBe(true);
  });

  it('whose rows are left before the first is released, too', async () => {
    const file = memoryFile('a.csv', manyRows(300_000));
    const stream = await readFile(file, { batchRows: 100 });
    await stream.batches[Symbol.asyncIterator]().return?.();
    expect(file.isClosed()).toBe(true);
  });

  it('comes in batches of the size asked for, whole ones but the last', async () => {
    const stream = await readFile(memoryFile('a.csv', manyRows(25_000)), { batchRows: 999 });
    const sizes: number[] = [];
    for await (const batch of stream.batches) sizes.push(batch.length);
    expect(new Set(sizes.slice(0, -1))).toEqual(new Set([999]));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(25_000);
  });

  it('is closed when its columns are not those asked for', async () => {
    const file = memoryFile('a.csv', manyRows(10));
    expect((await readFailure(file, { columns: ['nope'] })).kind).toBe('invalid_query');
    expect(file.isClosed()).toBe(true);
    expect((await readFailure(file, { columns: ['id', 'id'] })).kind).toBe('invalid_query');
  });
});
