// In-memory files for tests of the formats.
import { Readable } from 'node:stream';
import type { FileOptions } from '@mooring/contract/file-options';
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { ReadRequest } from '../../interface/plan.js';
import { readFile } from './read-file.js';
import type { StoredFile } from './stored-file.js';

export interface MemoryFile extends StoredFile {
  /** Bytes handed out so far. */
  bytesSent(): number;
  /** The body was destroyed or read to its end. */
  isClosed(): boolean;
}

/** Bytes in chunks of `chunkBytes`, or whatever an iterable yields. */
export function memoryFile(
  name: string,
  content: Buffer | string | Iterable<Buffer>,
  options: { chunkBytes?: number; isGzip?: boolean } = {},
): MemoryFile {
  const { chunkBytes = 64 * 1024, isGzip = false } = options;
  const bytes = typeof content === 'string' || Buffer.isBuffer(content) ? Buffer.from(content) : undefined;
  let sent = 0;
  let body: Readable | undefined;

  function* chunks(): Generator<Buffer> {
    const source = bytes === undefined ? (content as Iterable<Buffer>) : pieces(bytes, chunkBytes);
    for (const chunk of source) {
      sent += chunk.length;
      yield chunk;
    }
  }
  return {
    name,
    signal: new AbortController().signal,
    bytesSent: () => sent,
    isClosed: () => body === undefined || body.destroyed || body.readableEnded,
    open: async () => {
      body = Readable.from(chunks(), { objectMode: false, highWaterMark: chunkBytes });
      return { body, isGzip };
    },
    openRanges: async () => {
      const whole = bytes ?? Buffer.alloc(0);
      return {
        byteLength: whole.length,
        slice: async (start, end) => {
          sent += end - start;
          return Uint8Array.from(whole.subarray(start, end)).buffer;
        },
      };
    },
  };
}

function* pieces(bytes: Buffer, chunkBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export interface ReadResult {
  columns: readonly Column[];
  rows: Row[];
  file: FileOptions | undefined;
}

type Asked = Pick<ReadRequest, 'columns' | 'asText' | 'limit' | 'file'> & {
  isPreview?: boolean;
  batchRows?: number;
  /** The connection's defaults for files. */
  defaults?: FileOptions;
};

/** Reads a file to its end. */
export async function readAll(file: StoredFile, { defaults, ...request }: Asked = {}): Promise<ReadResult> {
  const stream = await readFile(file, { batchRows: 1_000, ...request }, defaults);
  const rows: Row[] = [];
  for await (const batch of stream.batches) rows.push(...batch);
  return { columns: stream.columns, rows, file: stream.file };
}

/** The ConnectorError with which reading fails, at whatever step; other errors are rethrown. */
export async function readFailure(file: StoredFile, request: Asked = {}): Promise<ConnectorError> {
  try {
    await readAll(file, request);
  } catch (error) {
    if (error instanceof ConnectorError) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

/** A table that is read in small chunks, and how it was read. */
export async function reading(content: string | Buffer, file: FileOptions = {}, name = 'a.csv') {
  const read = await readAll(memoryFile(name, content, { chunkBytes: 5 }), { file });
  return { names: read.columns.map((column) => column.name), rows: read.rows, file: read.file };
}

/** The failure of a table that is read in small chunks. */
export async function refusal(content: string | Buffer, file: FileOptions = {}, name = 'a.csv') {
  const { kind, message, remedy } = await readFailure(memoryFile(name, content, { chunkBytes: 5 }), { file });
  return { kind, message, remedy };
}
