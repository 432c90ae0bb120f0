import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordCutter } from './csv-cutter.js';
import type { CsvDialect } from './csv-record.js';

const excel: CsvDialect = {
  ...{ delimiter: ',', quote: '"', escape: '"', lineEnd: undefined },
  ...{ skipInitialSpace: false, nullText: undefined },
};

function cut(text: string, pieceLength: number, dialect: Partial<CsvDialect> = {}) {
  const cutter = new RecordCutter({ ...excel, ...dialect }, 1024);
  for (let at = 0; at < text.length; at += pieceLength) cutter.push(text.slice(at, at + pieceLength));
  cutter.end();
  return { records: cutter.take(), fault: cutter.fault?.message };
}

const mixed = (alphabet: readonly string[]) =>
  fc.array(fc.constantFrom(...alphabet), { maxLength: 40 }).map((parts) => parts.join(''));
const length = fc.integer({ min: 1, max: 9 });

describe('CSV records', () => {
  it('are cut as csv-parse cuts them, wherever the text is cut, or refused', () => {
    const texts = mixed([
      'a',
      'é',
      '😀',
      ',',
      ',',
      '\n',
      '\r\n',
      '\0',
      "'",
      '"b"',
      '"c\nd"',
      '"e,""f"""',
      '"',
    ]);
    fc.assert(
      fc.property(texts, length, (text, pieceLength) => {
        const { records, fault } = cut(text, pieceLength);
        expect({ records, fault }).toEqual(cut(text, 100));
        if (fault !== undefined) return;
        const byOther = parse(text, {
          record_delimiter: ['\r\n', '\n'],
          relax_column_count: true,
          // Only quotes within fields that begin with none are left.
          relax_quotes: true,
        }) as string[][];
        const holding = (found: (string | null)[][]) =>
          found.filter((record) => record.length > 1 || (record[0] ?? '') !== '');
        expect(holding(records)).toEqual(holding(byOther));
      }),
      { numRuns: 500 },
    );
  });

  it('come back from any dialect as they were written', () => {
    const field = mixed(['a', ' ', ',', ';', '"', "'", '\\', '\n', '\r', 'é', '\t']);
    const dialects = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|', 'x'),
      quote: fc.constantFrom('"', "'"),
      escape: fc.constantFrom('', '\\'),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    });
    const tables = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tables, dialects, length, (table, { escape: escaping, ...rest }, pieceLength) => {
        const dialect = { ...rest, escape: escaping === '' ? rest.quote : escaping } as const;
        const marks = escaping === '' ? [dialect.quote] : [dialect.escape, dialect.quote];
        const quoted = (text: string) =>
          dialect.quote +
          marks.reduce((done, mark) => done.replaceAll(mark, dialect.escape + mark), text) +
          dialect.quote;
        const text = table.map((record) => record.map(quoted).join(dialect.delimiter)).join(dialect.lineEnd);
        expect(cut(text, pieceLength, dialect)).toEqual({ records: table, fault: undefined });
        expect(cut(text, pieceLength, { ...dialect, lineEnd: undefined }).records).toEqual(table);
      }),
      { numRuns: 500 },
    );
  });
});
