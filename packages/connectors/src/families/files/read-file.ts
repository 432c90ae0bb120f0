import type { ReadRequest, RowStream } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import { type ByteReader, openByteReader } from './byte-reader.js';
import { readDelimited } from './delimited.js';
import { formatOf } from './formats.js';
import { readJson } from './json.js';
import { readNdjson } from './ndjson.js';
import { readParquet } from './parquet.js';
import { type FileRows, toRowStream } from './row-stream.js';
import type { StoredFile } from './stored-file.js';

type WantedColumns = readonly string[] | undefined;

const byteFormats = {
  csv: (bytes: ByteReader, wanted: WantedColumns) => readDelimited(bytes, ',', wanted),
  tsv: (bytes: ByteReader, wanted: WantedColumns) => readDelimited(bytes, '\t', wanted),
  json: readJson,
  ndjson: readNdjson,
} satisfies Record<string, (bytes: ByteReader, wanted: WantedColumns) => Promise<FileRows>>;

/**
 * Reads a file as rows, by the format its name tells. Streams: memory stays bounded by the caps in
 * `limits.ts`, and a slow reader slows the transfer down.
 *
 * @throws ConnectorError `unsupported` for an unknown ending, `invalid_query` for unknown columns,
 * `protocol_error` for broken content, `too_large` beyond a cap. Errors of the store pass unchanged.
 */
export async function readFile(
  file: StoredFile,
  request: Pick<ReadRequest, 'columns' | 'limit' | 'batchRows'>,
): Promise<RowStream> {
  const known = formatOf(file.name);
  if (!known) {
    throw new ConnectorError('unsupported', 'Files of this kind cannot be read as rows.', {
      remedy: 'Choose a .csv, .tsv, .json, .ndjson, .jsonl (each also as .gz) or .parquet file.',
    });
  }
  if (known.format === 'parquet') {
    const rows = await readParquet(await file.openRanges(), request, file.signal);
    return toRowStream(rows, request, rows.close);
  }
  const { body, isGzip } = await file.open();
  const bytes = openByteReader(body, isGzip || known.isGzip);
  try {
    const rows = await byteFormats[known.format](bytes, request.columns);
    return toRowStream(rows, request, bytes.close);
  } catch (error) {
    bytes.close();
    throw error;
  }
}
