import type { Column, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import type { ByteReader } from './byte-reader.js';
import { type CsvPortion, csvRecords, type Delimiter } from './csv-records.js';
import { type Projection, project } from './projection.js';
import type { TextRequest } from './read-file.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';

/**
 * Column names from a header record: literally as they stand, an empty one becomes `column_<position>`, a
 * repeated one gets `_2`, `_3` and so on.
 */
export function columnNames(header: readonly string[]): string[] {
  const given = new Set(header);
  const used = new Set<string>();
  // Where the search for a free number went on last: from 2 each time, equal names would take quadratic time.
  const copies = new Map<string, number>();
  return header.map((raw, index) => {
    const base = raw === '' ? `column_${index + 1}` : raw;
    let copy = copies.get(base) ?? 2;
    let name = base;
    for (; used.has(name) || (name !== raw && given.has(name)); copy += 1) name = `${base}_${copy}`;
    copies.set(base, copy);
    used.add(name);
    return name;
  });
}

/** Made one by one as they are taken: a record of two bytes may be a row of 10,000 cells. */
function* toRows(
  records: readonly string[][],
  width: number,
  before: number,
  projection: Projection,
): Generator<Row> {
  for (const [index, record] of records.entries()) {
    if (record.length > width) {
      throw new ConnectorError(
        'protocol_error',
        `Record ${before + index + 1} has ${record.length} fields, the header has ${width}.`,
        { remedy: 'Put fields that contain the delimiter into quotes.' },
      );
    }
    if (projection.isWhole && record.length === width) yield record;
    else yield projection.indexes.map((at) => record[at] ?? null);
  }
}

/**
 * Reads CSV or TSV whose first record is the header. All values are text, an empty field is the empty text;
 * fields missing at the end of a record are null.
 *
 * @throws ConnectorError `protocol_error` for a record with more fields than the header and for a quote that
 * is never closed, `too_large` for a record or a header beyond the caps.
 */
export async function readDelimited(
  bytes: ByteReader,
  delimiter: Delimiter,
  { wanted, caps }: TextRequest,
): Promise<FileRows> {
  const portions = csvRecords(bytes, { delimiter, recordBytesMax: caps.recordBytes });
  let first: CsvPortion = { records: [], characters: 0 };
  while (first.records.length === 0) {
    const { done, value } = await portions.next();
    if (done === true) break;
    first = value;
  }
  const header = first.records.shift() ?? [];
  const all = columnNames(header).map((name): Column => ({ name, type: 'string', nullable: true }));
  const projection = project(all, wanted);

  async function* rows(): AsyncGenerator<Portion> {
    let count = 0;
    const toPortion = ({ records, characters }: CsvPortion) => {
      const portion = textPortion(toRows(records, header.length, count, projection), characters);
      count += records.length;
      return portion;
    };
    yield toPortion(first);
    for await (const portion of portions) yield toPortion(portion);
  }
  return { columns: projection.columns, portions: rows() };
}
