import type { Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import type { ByteReader } from './byte-reader.js';
import { asJsonRow, discoverColumns, parseJson, toRow } from './json-values.js';
import { jsonBytesMax } from './limits.js';
import { project } from './projection.js';
import type { FileRows } from './row-stream.js';

const portionRows = 1_000;

async function wholeText(bytes: ByteReader): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for (let chunk = await bytes.next(); chunk !== undefined; chunk = await bytes.next()) {
    length += chunk.length;
    if (length > jsonBytesMax) {
      throw new ConnectorError('too_large', `JSON files are read up to ${jsonBytesMax / 1024 / 1024} MB.`, {
        remedy: 'Store the rows as NDJSON (one object a line), which is read as a stream.',
      });
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks, length).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/**
 * Reads a JSON document: an array of objects, or one object as a single row. The document is parsed as a
 * whole, so it is capped; columns are the union over all rows.
 *
 * @throws ConnectorError `protocol_error` for broken JSON or rows that are no objects, `too_large` beyond
 * {@link jsonBytesMax}.
 */
export async function readJson(bytes: ByteReader, wanted: readonly string[] | undefined): Promise<FileRows> {
  const document = parseJson(await wholeText(bytes), { unit: 'Row', number: 1 });
  const items = Array.isArray(document) ? document : [document];
  const objects = items.map((item, index) => asJsonRow(item, { unit: 'Row', number: index + 1 }));
  const { columns } = project(discoverColumns(objects), wanted);

  async function* portions(): AsyncGenerator<readonly Row[]> {
    for (let at = 0; at < objects.length; at += portionRows) {
      yield objects
        .slice(at, at + portionRows)
        .map((object, index) => toRow(object, columns, { unit: 'Row', number: at + index + 1 }));
    }
  }
  return { columns, portions: portions() };
}
