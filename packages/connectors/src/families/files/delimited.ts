import type { Column, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import type { ByteReader } from './byte-reader.js';
import { csvRecords, type Delimiter } from './csv-records.js';
import { columnsMax } from './limits.js';
import { type Projection, project } from './projection.js';
import type { FileRows } from './row-stream.js';

/**
 * Column names from a header record: literally as they stand, an empty one becomes `column_<position>`, a
 * repeated one gets `_2`, `_3` and so on.
 */
export function columnNames(header: readonly string[]): string[] {
  const given = new Set(header);
  const used = new Set<string>();
  return header.map((raw, index) => {
    const base = raw === '' ? `column_${index + 1}` : raw;
    let name = base;
    for (let copy = 2; used.has(name) || (name !== raw && given.has(name)); copy += 1) {
      name = `${base}_${copy}`;
    }
    used.add(name);
    return name;
  });
}

function toRows(records: string[][], width: number, before: number, projection: Projection): Row[] {
  return records.map((record, index) => {
    if (record.length > width) {
      throw new ConnectorError(
        'protocol_error',
        `Record ${before + index + 1} has ${record.length} fields, the header has ${width}.`,
        { remedy: 'Put fields that contain the delimiter into quotes.' },
      );
    }
    if (projection.isWhole && record.length === width) return record;
    return projection.indexes.map((at) => record[at] ?? null);
  });
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
  wanted: readonly string[] | undefined,
): Promise<FileRows> {
  const portions = csvRecords(bytes, delimiter);
  let first: string[][] = [];
  while (first.length === 0) {
    const { done, value } = await portions.next();
    if (done === true) break;
    first = value;
  }
  const header = first.shift() ?? [];
  if (header.length > columnsMax) {
    throw new ConnectorError('too_large', `The file has more than ${columnsMax} columns.`);
  }
  const all = columnNames(header).map((name): Column => ({ name, type: 'string', nullable: true }));
  const projection = project(all, wanted);

  async function* rows(): AsyncGenerator<readonly Row[]> {
    let count = first.length;
    yield toRows(first, header.length, 0, projection);
    for await (const records of portions) {
      yield toRows(records, header.length, count, projection);
      count += records.length;
    }
  }
  return { columns: projection.columns, portions: rows() };
}
