import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ConnectorError } from '../../spec/errors.js';
import { expansion, idleMsMax } from './limits.js';

/** Pulls the bytes of a file; nothing is read ahead beyond the stream's own buffer. */
export interface ByteReader {
  /** Next bytes, undefined at the end. Errors of the store come as they are. */
  next(): Promise<Buffer | undefined>;
  /** Stops the transfer. Idempotent. */
  close(): void;
}

const gunzipChunkBytes = 64 * 1024;

function hasZlibCode(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^Z_[A-Z_]+$/.test(String(error.code));
}

function notGzip(error: Error & { code: string }): ConnectorError {
  return new ConnectorError('protocol_error', 'The file is not valid gzip data or ends too early.', {
    nativeCode: error.code,
    cause: error,
  });
}

/**
 * Reads a stream, through gunzip if asked.
 * @throws ConnectorError from `next`: `protocol_error` for broken gzip, `too_large` when it expands more than
 * {@link expansion} allows, `timeout` when no byte comes for {@link idleMsMax}.
 */
export function openByteReader(body: Readable, isGzip: boolean): ByteReader {
  const gunzip = isGzip ? createGunzip({ chunkSize: gunzipChunkBytes }) : undefined;
  // The callback is needed only so that pipeline tears both streams down; the error reaches us by the iterator.
  const stream = gunzip ? pipeline(body, gunzip, () => {}) : body;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let isWaiting = false;
  let bytesOut = 0;
  const idle = setTimeout(() => {
    // A reader that pauses us is no idle source.
    if (isWaiting) stream.destroy(new ConnectorError('timeout', 'The source stopped sending the file.'));
  }, idleMsMax);
  stream.once('close', () => clearTimeout(idle));

  const close = () => {
    clearTimeout(idle);
    stream.destroy();
    body.destroy();
  };
  const next = async () => {
    isWaiting = true;
    idle.refresh();
    try {
      const { done, value } = await chunks.next();
      if (done === true) {
        close();
        return undefined;
      }
      bytesOut += value.length;
      if (gunzip) assertExpansion(gunzip.bytesWritten, bytesOut);
      return value;
    } catch (error) {
      close();
      throw hasZlibCode(error) ? notGzip(error) : error;
    } finally {
      isWaiting = false;
    }
  };
  return { next, close };
}

function assertExpansion(bytesIn: number, bytesOut: number): void {
  if (bytesOut <= expansion.freeBytes || bytesOut <= bytesIn * expansion.ratioMax) return;
  throw new ConnectorError(
    'too_large',
    `The file expands to more than ${expansion.ratioMax} times its size.`,
    {
      remedy: 'Store the file uncompressed or in smaller parts.',
    },
  );
}
