import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { assertExpansion } from '../../kit/expansion.js';
import { ConnectorError } from '../../spec/errors.js';
import { idleMsMax, pieceBytesMax } from './limits.js';

/** Pulls the bytes of a file; nothing is read ahead beyond the stream's own buffer. */
export interface ByteReader {
  /** Next bytes, at most {@link pieceBytesMax}; undefined at the end. Errors of the store come as they are. */
  next(): Promise<Buffer | undefined>;
  /** The first bytes of what `next` will give, at least `count` if there are so many. */
  peek(count: number): Promise<Buffer>;
  /** Stops the transfer. Idempotent. */
  close(): void;
}

function hasZlibCode(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^Z_[A-Z_]+$/.test(String(error.code));
}

function notGzip(error: Error & { code: string }): ConnectorError {
  return new ConnectorError('protocol_error', 'The file is not valid gzip data or ends too early.', {
    nativeCode: error.code,
    cause: error,
  });
}

/** Pieces are measured on both sides of the decoder: what comes in without coming out is measured too. */
function unzip(body: Readable): { stream: Readable; bytesOut: (bytes: number) => void } {
  let taken = 0;
  let given = 0;
  async function* measured(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      for (const piece of pieces(chunk)) {
        yield piece;
        taken += piece.length;
        assertExpansion(taken, given);
      }
    }
  }
  const gunzip = createGunzip({ chunkSize: pieceBytesMax });
  // The callback is needed only so that pipeline tears the streams down; the error reaches us by the iterator.
  pipeline(body, measured, gunzip, () => {});
  const bytesOut = (bytes: number) => {
    given += bytes;
    assertExpansion(gunzip.bytesWritten, given);
  };
  return { stream: gunzip, bytesOut };
}

/** The same bytes in pieces that are looked at in one go. */
export function* pieces(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += pieceBytesMax) yield chunk.subarray(at, at + pieceBytesMax);
}

/**
 * Reads a stream, through gunzip if asked.
 * @throws ConnectorError from `next`: `protocol_error` for broken or empty gzip, `too_large` when it expands too
 * much, `timeout` when no byte comes for {@link idleMsMax}.
 */
export function openByteReader(body: Readable, isGzip: boolean): ByteReader {
  const unzipped = isGzip ? unzip(body) : undefined;
  const stream = unzipped?.stream ?? body;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer | undefined;
  let isWaiting = false;
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
  const pull = async () => {
    isWaiting = true;
    idle.refresh();
    try {
      const { done, value } = await chunks.next();
      if (done === true) {
        close();
        return undefined;
      }
      unzipped?.bytesOut(value.length);
      return value;
    } catch (error) {
      close();
      throw hasZlibCode(error) ? notGzip(error) : error;
    } finally {
      isWaiting = false;
    }
  };
  const next = async () => {
    const chunk = rest ?? (await pull());
    const isWhole = chunk === undefined || chunk.length <= pieceBytesMax;
    rest = isWhole ? undefined : chunk.subarray(pieceBytesMax);
    return isWhole ? chunk : chunk.subarray(0, pieceBytesMax);
  };
  const peek = async (count: number) => {
    let seen = rest ?? Buffer.alloc(0);
    while (seen.length < count) {
      const more = await pull();
      if (more === undefined) break;
      seen = Buffer.concat([seen, more]);
    }
    rest = seen.length > 0 ? seen : undefined;
    return seen;
  };
  return { next, peek, close };
}
