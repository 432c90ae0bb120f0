import type { FileOptions } from '@mooring/contract/file-options';
import { jsonCharset, textCharset } from '../../kit/charset.js';
import { type ParsingCaps, parsingCaps } from '../../kit/json/caps.js';
import type { ReadRequest, RowStream } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import { type ByteReader, openByteReader } from './byte-reader.js';
import { readDelimited } from './delimited.js';
import { type FileRequest, fileRequest } from './file-request.js';
import type { FileFormat } from './formats.js';
import { readJson } from './json.js';
import { readNdjson } from './ndjson.js';
import { readParquet } from './parquet.js';
import { type FileRows, toRowStream } from './row-stream.js';
import type { StoredFile } from './stored-file.js';
import { openText, type TextReader } from './text-reader.js';

/** What the reader of a text format is asked for. */
export interface TextRequest {
  wanted: ReadRequest['columns'];
  asText: ReadRequest['asText'];
  caps: ParsingCaps;
  file: FileRequest;
}

interface TextFormat {
  read(text: TextReader, request: TextRequest): Promise<FileRows>;
  /** Its encoding where neither a mark nor anybody says it. */
  guess: (first: Uint8Array) => string | undefined;
}

const textFormats: Readonly<Record<Exclude<FileFormat, 'parquet'>, TextFormat>> = {
  csv: { read: (text, request) => readDelimited(text, request), guess: textCharset },
  tsv: { read: (text, request) => readDelimited(text, request, '\t'), guess: textCharset },
  json: { read: readJson, guess: jsonCharset },
  ndjson: { read: readNdjson, guess: jsonCharset },
};

const gzipMagic = Buffer.from([0x1f, 0x8b]);

/** What looks like gzip is no text in any format, and would be read as garbage. */
async function assertNoGzip(bytes: ByteReader, isGzip: boolean): Promise<void> {
  let seen = 0;
  const first = await bytes.lookAhead((piece) => {
    seen += piece.length;
    return seen >= gzipMagic.length;
  });
  if (!first.subarray(0, gzipMagic.length).equals(gzipMagic)) return;
  throw isGzip
    ? new ConnectorError('protocol_error', 'The file is gzip data within gzip data.', {
        remedy: 'Compress the file once.',
      })
    : new ConnectorError('protocol_error', 'The file is gzip data, which its name does not say.', {
        remedy: 'Let its name end in .gz.',
      });
}

/**
 * Reads a file as rows, by the format its name or the request tells. Streams: memory stays bounded by the caps of
 * the request, and a slow reader slows the transfer down.
 *
 * @param defaults what is said of files beside the request, for those that it fits
 * @throws ConnectorError `unsupported` for an unknown ending, `invalid_query` for unknown columns,
 * `protocol_error` for broken content, `too_large` beyond a cap. Errors of the store pass unchanged.
 */
export async function readFile(
  stored: StoredFile,
  request: Pick<ReadRequest, 'columns' | 'asText' | 'limit' | 'batchRows' | 'isPreview' | 'file'>,
  defaults: FileOptions = {},
): Promise<RowStream> {
  const file = fileRequest(stored.name, request.file, defaults);
  const { format } = file;
  if (format === 'parquet') {
    const rows = await readParquet(await stored.openRanges(), request, stored.signal);
    return toRowStream(rows, request, () => {});
  }
  const { body, isGzip } = await stored.open();
  const isPacked = isGzip || file.isGzip;
  const bytes = openByteReader(body, isPacked);
  try {
    await assertNoGzip(bytes, isPacked);
    const { read, guess } = textFormats[format];
    const text = await openText(bytes, file.options.encoding, guess);
    const { columns: wanted, asText } = request;
    const rows = await read(text, { wanted, asText, caps: parsingCaps(request), file });
    return toRowStream(rows, request, bytes.close);
  } catch (error) {
    bytes.close();
    throw error;
  }
}
