import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openByteReader } from './byte-reader.js';
import { csvRecords } from './csv-records.js';
import { columnNames } from './delimited.js';
import { memoryFile, readAll, readFailure } from './memory-file.js';

async function recordsOf(text: string, chunkBytes: number): Promise<string[][]> {
  const { body } = await memoryFile('x.csv', text, { chunkBytes }).open();
  const records: string[][] = [];
  const options = { delimiter: ',', recordBytesMax: 1024 } as const;
  for await (const portion of csvRecords(openByteReader(body, false), options)) {
    records.push(...portion.records);
  }
  return records;
}

const wholeByCsvParse = (text: string): string[][] =>
  parse(text, {
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    skip_empty_lines: true,
    relax_quotes: true,
    relax_column_count: true,
  });

const fieldText = (alphabet: string[]) =>
  fc.array(fc.constantFrom(...alphabet), { maxLength: 40 }).map((parts) => parts.join(''));

describe('CSV records', () => {
  it('splits lines without quotes exactly as csv-parse does, however the bytes arrive', async () => {
    const plain = fieldText(['a', 'é', '😀', ',', ',', '\n', '\n', '\r\n', '\r', ' ', '\0', "'", '\t']);
    await fc.assert(
      fc.asyncProperty(plain, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
        expect(await recordsOf(text, chunkBytes)).toEqual(wholeByCsvParse(text));
      }),
      { numRuns: 500 },
    );
  });

  it('hands over to csv-parse at the first quote without losing or doubling a record', async () => {
    const quoted = fc
      .array(fc.constantFrom('a', 'é', ',', '\n', '\r\n', '"b"', '"c\nd"', '"e,""f"""', ' ', '😀'), {
        maxLength: 40,
      })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(quoted, fc.integer({ min: 1, max: 9 }), async (text, chunkBytes) => {
        expect(await recordsOf(text, chunkBytes)).toEqual(wholeByCsvParse(text));
      }),
      { numRuns: 500 },
    );
  });
});

describe('CSV and TSV files', () => {
  it('take the first record as header and keep every value as text', async () => {
    const { columns, rows } = await readAll(memoryFile('a.csv', 'id,name,note\n1,Zoë,\n007,"a ""b""",x\n'));
    expect(columns).toEqual(['id', 'name', 'note'].map((name) => ({ name, type: 'string', nullable: true })));
    expect(rows).toEqual([
      ['1', 'Zoë', ''],
      ['007', 'a "b"', 'x'],
    ]);
  });

  it('give null for fields missing at the end, and fail for a record longer than the header', async () => {
    expect((await readAll(memoryFile('a.csv', 'a,b,c\n1\n'))).rows).toEqual([['1', null, null]]);
    const error = await readFailure(memoryFile('a.csv', 'a,b\n1,2\n1,2,3\n'));
    expect(error.kind).toBe('protocol_error');
    expect(error.message).toBe('Record 2 has 3 fields, the header has 2.');
  });

  it('split TSV at tabs only', async () => {
    const { rows } = await readAll(memoryFile('a.tsv', 'a\tb\n1,5\t"x\ty"\n'));
    expect(rows).toEqual([['1,5', 'x\ty']]);
  });

  it('tell repeated and empty header names apart', () => {
    expect(columnNames(['a', 'a', '', 'a_2', 'a'])).toEqual(['a', 'a_3', 'column_3', 'a_2', 'a_4']);
  });

  it('D10: bring names such as __proto__ back literally', async () => {
    const { columns, rows } = await readAll(memoryFile('a.csv', '__proto__,constructor,toString\n1,2,3\n'), {
      columns: ['toString', '__proto__'],
    });
    expect(columns.map(({ name }) => name)).toEqual(['toString', '__proto__']);
    expect(rows).toEqual([['3', '1']]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('D17: read a byte order mark, CRLF, NUL and UTF-16, and leave formula cells alone', async () => {
    const text = 'a,b\r\n=cmd(),\u0000x\r\n';
    for (const content of [`\ufeff${text}`, text, Buffer.from(`\ufeff${text}`, 'utf16le')]) {
      const { columns, rows } = await readAll(memoryFile('a.csv', content, { chunkBytes: 1 }));
      expect(columns[0]?.name).toBe('a');
      expect(rows).toEqual([['=cmd()', '\u0000x']]);
    }
    expect((await readFailure(memoryFile('a.csv', Buffer.from([0xfe, 0xff, 0, 97])))).kind).toBe(
      'unsupported',
    );
  });

  it('are empty without a header and have no rows with a header alone', async () => {
    expect(await readAll(memoryFile('a.csv', ''))).toEqual({ columns: [], rows: [] });
    expect((await readAll(memoryFile('a.csv', 'a,b'))).columns).toHaveLength(2);
    expect((await readAll(memoryFile('a.csv', 'a,b\n'))).rows).toEqual([]);
  });

  it('D15 D17: stop at a quote that is never closed and at a line that never ends', async () => {
    const block = Buffer.alloc(1024 * 1024, 'x');
    const endless = function* (start: string) {
      yield Buffer.from(start);
      for (;;) yield block;
    };
    for (const start of ['a,b\n"', 'a,b\n']) {
      const file = memoryFile('a.csv', endless(start));
      expect((await readFailure(file)).kind).toBe('too_large');
      expect(file.bytesSent()).toBeLessThan(16 * 1024 * 1024);
      expect(file.isClosed()).toBe(true);
    }
    expect((await readFailure(memoryFile('a.csv', 'a,b\n"open,1\n'))).kind).toBe('protocol_error');
  });

  it('D15 D17: refuse a hundred thousand columns', async () => {
    expect((await readFailure(memoryFile('a.csv', `${'c,'.repeat(100_000)}c\n`))).kind).toBe('too_large');
  });
});
