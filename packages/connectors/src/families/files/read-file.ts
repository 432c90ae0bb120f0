import type { FileOptions } from '@mooring/contract/file-options';
import { ConnectorError } from '../../interface/errors.js';
import { jsonCharset, textCharset } from '../../kit/charset.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { type ByteReader, openByteReader } from './byte-reader.js';
import { readDelimited } from './delimited.js';
import { fileRequest, type TextRequest } from './file-request.js';
import type { FileFormat } from './formats.js';
import { readJson } from './json.js';
import { readNdjson } from './ndjson.js';
import { readParquet } from './parquet.js';
import { type FileRows, type FileStream, toRowStream } from './row-stream.js';
import type { StoredFile } from './stored-file.js';
import { openText, type TextReader } from './text-reader.js';

/** What to read of a file. */
export interface FileReadRequest {
  columns?: readonly string[];
  asText?: readonly string[];
  limit?: number;
  isPreview?: boolean;
  file?: FileOptions;
}

interface TextFormat {
  read(text: TextReader, request: TextRequest): Promise<FileRows>;
  /** Detects the encoding if neither a byte order mark nor the request gives it. */
  guess: (first: Uint8Array) => string | undefined;
}

const textFormats: Readonly<Record<Exclude<FileFormat, 'parquet'>, TextFormat>> = {
  csv: { read: (text, request) => readDelimited(text, request), guess: textCharset },
  tsv: { read: (text, request) => readDelimited(text, request, '\t'), guess: textCharset },
  json: { read: readJson, guess: jsonCharset },
  ndjson: { read: readNdjson, guess: jsonCharset },
};

interface Foreign {
  magic: Buffer;
  /** What it is, and what to do. */
  is: string;
  remedy: string;
}

/** How files start that are not text and could otherwise be read as garbage. */
const foreign: readonly Foreign[] = [
  {
    magic: Buffer.from([0x1f, 0x8b]),
    is: 'gzip data, but its name does not end in .gz',
    remedy: 'Rename it to end in .gz.',
  },
  {
    magic: Buffer.from('PK\x03\x04'),
    is: 'a ZIP archive or an Excel workbook',
    remedy: 'Save its table as CSV, or compressed as .csv.gz.',
  },
  {
    magic: Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
    is: 'a Microsoft Office document',
    remedy: 'Save its table as CSV.',
  },
];
const magicLengthMax = Math.max(...foreign.map(({ magic }) => magic.length));

async function assertNotForeign(bytes: ByteReader, isUnpacked: boolean): Promise<void> {
  let seen = 0;
  const first = await bytes.lookAhead((piece) => {
    seen += piece.length;
    return seen >= magicLengthMax;
  });
  const found = foreign.find(({ magic }) => first.subarray(0, magic.length).equals(magic));
  if (found === undefined) return;
  if (isUnpacked && found === foreign[0]) {
    throw new ConnectorError('protocol_error', 'The file is compressed with gzip twice.', {
      remedy: 'Compress the file once.',
    });
  }
  throw new ConnectorError('protocol_error', `The file is ${found.is}.`, { remedy: found.remedy });
}

/** A file whose columns are known. `release` ends its transfer; idempotent. */
export interface OpenFile {
  rows: FileRows;
  release: () => void;
}

/**
 * Opens a file as rows, in the format that its name or the request gives. Streams: memory stays within the caps of the
 * request, and a slow reader slows down the transfer.
 *
 * @param defaults options besides the request's own, for files to which they apply
 * @throws ConnectorError `unsupported` for an unknown extension, `invalid_query` for unknown columns, `protocol_error`
 * for broken content, `too_large` beyond a cap. Errors of the store pass unchanged.
 */
export async function openFile(
  stored: StoredFile,
  request: FileReadRequest,
  defaults: FileOptions = {},
): Promise<OpenFile> {
  const file = fileRequest(stored.name, request.file, defaults);
  const { format } = file;
  if (format === 'parquet') {
    const ranges = await stored.openRanges();
    const release = () => ranges.close?.();
    try {
      return { rows: await readParquet(ranges, request, stored.signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }
  const { body, isGzip } = await stored.open();
  const isPacked = isGzip || file.isGzip;
  const bytes = openByteReader(body, isPacked);
  try {
    await assertNotForeign(bytes, isPacked);
    const { read, guess } = textFormats[format];
    const text = await openText(bytes, file.options.encoding, guess);
    const { columns: wanted, asText } = request;
    const rows = await read(text, { wanted, asText, caps: parsingCaps(request), file });
    return { rows, release: bytes.close };
  } catch (error) {
    bytes.close();
    throw error;
  }
}

/** The rows of a file in batches; see {@link openFile}. */
export async function readFile(
  stored: StoredFile,
  request: FileReadRequest & { batchRows: number },
  defaults: FileOptions = {},
): Promise<FileStream> {
  const { rows, release } = await openFile(stored, request, defaults);
  return toRowStream(rows, request, release);
}
