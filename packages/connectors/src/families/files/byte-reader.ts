import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ConnectorError } from '../../interface/errors.js';
import { createByteCollector } from '../../kit/byte-collector.js';
import { assertExpansion } from '../../kit/expansion.js';
import { idleMsMax, pieceBytesMax } from './limits.js';

/** Bytes that are consumed one piece at a time. */
export interface ByteSource {
  /** The next bytes, at most {@link pieceBytesMax}; undefined at the end. Errors of the store pass unchanged. */
  next(): Promise<Buffer | undefined>;
  /**
   * What `next` will return, up to the piece that is enough, or everything. Each piece is inspected once; the source
   * decides where pieces are cut.
   */
  lookAhead(isEnough: (piece: Buffer) => boolean): Promise<Buffer>;
}

/** Pulls the bytes of a file. Nothing is read ahead beyond the stream's own buffer. */
export interface ByteReader extends ByteSource {
  /** Stops the transfer. Idempotent. */
  close(): void;
}

/** @param pull returns undefined at the end, however often it is called */
export function createByteSource(pull: () => Promise<Uint8Array | undefined>): ByteSource {
  let rest: Buffer | undefined;
  let isOver = false;
  const next = async () => {
    const chunk = rest ?? (isOver ? undefined : await pull());
    isOver ||= chunk === undefined;
    if (chunk === undefined) return undefined;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const isWhole = bytes.length <= pieceBytesMax;
    rest = isWhole ? undefined : bytes.subarray(pieceBytesMax);
    return isWhole ? bytes : bytes.subarray(0, pieceBytesMax);
  };
  const lookAhead = async (isEnough: (piece: Buffer) => boolean) => {
    const seen = createByteCollector();
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      seen.append(piece);
      if (!isEnough(piece)) continue;
      if (rest) seen.append(rest);
      break;
    }
    const bytes = seen.take();
    rest = bytes.length > 0 ? bytes : undefined;
    return bytes;
  };
  return { next, lookAhead };
}

function hasZlibCode(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^Z_[A-Z_]+$/.test(String(error.code));
}

function notGzip(error: Error & { code: string }): ConnectorError {
  return new ConnectorError('protocol_error', 'The file is not valid gzip data, or it is truncated.', {
    nativeCode: error.code,
    cause: error,
    remedy:
      'Upload the complete file. If it is not compressed, drop .gz from its name and the content encoding gzip.',
  });
}

/** Pieces are measured on both sides of the decoder, so that input without output is measured too. */
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
  // The callback exists only so that pipeline tears down the streams; the error reaches us through the iterator.
  pipeline(body, measured, gunzip, () => {});
  const bytesOut = (bytes: number) => {
    given += bytes;
    assertExpansion(gunzip.bytesWritten, given);
  };
  return { stream: gunzip, bytesOut };
}

/** The same bytes in pieces that are small enough to inspect in one go. */
export function* pieces(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += pieceBytesMax) yield chunk.subarray(at, at + pieceBytesMax);
}

/**
 * Reads a stream, through gunzip if requested.
 * @throws ConnectorError from `next`: `protocol_error` for broken or empty gzip, `too_large` when it expands too much,
 * `timeout` when no byte arrives for {@link idleMsMax}.
 */
export function openByteReader(body: Readable, isGzip: boolean): ByteReader {
  const unzipped = isGzip ? unzip(body) : undefined;
  const stream = unzipped?.stream ?? body;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let isWaiting = false;
  const idle = setTimeout(() => {
    // A reader that pauses us does not make the source idle.
    if (isWaiting) stream.destroy(new ConnectorError('timeout', 'The source stopped sending the file.'));
  }, idleMsMax);
  stream.once('close', () => clearTimeout(idle));
  // Reads get a failure from the iterator. A later one must not end the session.
  for (const failing of [stream, body]) failing.on('error', () => undefined);

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
  return { ...createByteSource(pull), close };
}
