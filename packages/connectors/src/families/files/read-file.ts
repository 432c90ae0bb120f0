import { type ParsingCaps, parsingCaps } from '../../kit/json/caps.js';
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

/** What the reader of a text format is asked for. */
export interface TextRequest {
  wanted: ReadRequest['columns'];
  asText: ReadRequest['asText'];
  caps: ParsingCaps;
}

const byteFormats = {
  csv: (bytes: ByteReader, request: TextRequest) => readDelimited(bytes, ',', request),
  tsv: (bytes: ByteReader, request: TextRequest) => readDelimited(bytes, '\t', request),
  json: readJson,
  ndjson: readNdjson,
} satisfies Record<string, (bytes: ByteReader, request: TextRequest) => Promise<FileRows>>;

const gzipMagic = Buffer.from([0x1f, 0x8b]);

/** What looks like gzip is no text in any format, and would be read as garbage. */
async function assertNoGzip(bytes: ByteReader, isGzip: boolean): Promise<void> {
  if (!(await bytes.peek(gzipMagic.length)).subarray(0, gzipMagic.length).equals(gzipMagic)) return;
  throw isGzip
    ? new ConnectorError('protocol_error', 'The file is gzip data within gzip data.', {
        remedy: 'Compress the file once.',
      })
    : new ConnectorError('protocol_error', 'The file is gzip data, which its name does not say.', {
        remedy: 'Let its name end in .gz.',
      });
}

/**
 * Reads a file as rows, by the format its name tells. Streams: memory stays bounded by the caps of
 * the request, and a slow reader slows the transfer down.
 *
 * @throws ConnectorError `unsupported` for an unknown ending, `invalid_query` for unknown columns,
 * `protocol_error` for broken content, `too_large` beyond a cap. Errors of the store pass unchanged.
 */
export async function readFile(
  file: StoredFile,
  request: Pick<ReadRequest, 'columns' | 'asText' | 'limit' | 'batchRows' | 'isPreview'>,
): Promise<RowStream> {
  const known = formatOf(file.name);
  if (!known) {
    throw new ConnectorError('unsupported', 'Files of this kind cannot be read as rows.', {
      remedy: 'Choose a .csv, .tsv, .json, .ndjson, .jsonl (each also as .gz) or .parquet file.',
    });
  }
  if (known.format === 'parquet') {
    const rows = await readParquet(await file.openRanges(), request, file.signal);
    return toRowStream(rows, request, () => {});
  }
  const { body, isGzip } = await file.open();
  const isPacked = isGzip || known.isGzip;
  const bytes = openByteReader(body, isPacked);
  try {
    await assertNoGzip(bytes, isPacked);
    const caps = parsingCaps(request);
    const rows = await byteFormats[known.format](bytes, {
      wanted: request.columns,
      asText: request.asText,
      caps,
    });
    return toRowStream(rows, request, bytes.close);
  } catch (error) {
    bytes.close();
    throw error;
  }
}
