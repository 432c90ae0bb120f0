import type { Row } from '../../spec/data-types.js';
import type { ByteReader } from './byte-reader.js';
import { asJsonRow, discoverColumns, type JsonRow, type Place, parseJson, toRow } from './json-values.js';
import { recordBytesMax, sampleRows } from './limits.js';
import { createLineBlocks, recordTooLarge } from './line-blocks.js';
import { project } from './projection.js';
import type { FileRows } from './row-stream.js';

interface NumberedRow {
  row: JsonRow;
  place: Place;
}

async function* lineBlocks(bytes: ByteReader): AsyncGenerator<string> {
  const lines = createLineBlocks();
  for (let chunk = await bytes.next(); chunk !== undefined; chunk = await bytes.next()) {
    const text = lines.push(chunk);
    if (text !== undefined) yield text;
  }
  yield lines.rest().toString('utf8');
}

async function* objects(bytes: ByteReader): AsyncGenerator<NumberedRow[]> {
  let count = 0;
  for await (const text of lineBlocks(bytes)) {
    const found: NumberedRow[] = [];
    for (const raw of text.split('\n')) {
      const line = count === 0 && raw.startsWith('\ufeff') ? raw.slice(1) : raw;
      count += 1;
      if (line.length > recordBytesMax) throw recordTooLarge();
      const place: Place = { unit: 'Line', number: count };
      if (line.trim() !== '') found.push({ row: asJsonRow(parseJson(line, place), place), place });
    }
    yield found;
  }
}

/**
 * Reads NDJSON (one JSON object a line) as a stream. The first {@link sampleRows} rows decide the columns and
 * their types; a key that appears only later is left out.
 *
 * @throws ConnectorError `protocol_error` naming the line, for broken JSON, a line that is no object, and a
 * value that does not fit its column; `too_large` for a line beyond the cap.
 */
export async function readNdjson(
  bytes: ByteReader,
  wanted: readonly string[] | undefined,
): Promise<FileRows> {
  const rest = objects(bytes);
  const sample: NumberedRow[] = [];
  while (sample.length < sampleRows) {
    const { done, value } = await rest.next();
    if (done === true) break;
    for (const object of value) sample.push(object);
  }
  // Exactly the sample, so that columns do not depend on how the bytes happened to arrive.
  const { columns } = project(discoverColumns(sample.slice(0, sampleRows).map(({ row }) => row)), wanted);
  const toRows = (found: NumberedRow[]): Row[] => found.map(({ row, place }) => toRow(row, columns, place));

  async function* portions(): AsyncGenerator<readonly Row[]> {
    yield toRows(sample);
    for await (const found of rest) yield toRows(found);
  }
  return { columns, portions: portions() };
}
