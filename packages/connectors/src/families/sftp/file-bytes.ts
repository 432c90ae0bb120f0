import { Readable } from 'node:stream';
import type { SftpHandle } from './client.js';

/** Bytes of one request, which every server returns at once (section 3 of the protocol: 32 KiB). */
const pieceBytes = 32 * 1024;
/** Requests at once: with 50 ms for each, they carry 10 MB/s. */
const piecesMax = 16;

async function* pieces(handle: SftpHandle, from: number, end: number): AsyncGenerator<Buffer> {
  const pending: { length: number; bytes: Promise<Buffer> }[] = [];
  let position = from;
  let allowed = 1;
  for (;;) {
    while (pending.length < allowed && position < end) {
      const length = Math.min(pieceBytes, end - position);
      const bytes = handle.read(position, length);
      // A request may fail after the reader has left.
      bytes.catch(() => undefined);
      pending.push({ length, bytes });
      position += length;
    }
    // A small file is not worth many requests.
    allowed = Math.min(piecesMax, allowed * 2);
    const next = pending.shift();
    if (next === undefined) return;
    const bytes = await next.bytes;
    if (bytes.length > 0) yield bytes;
    if (bytes.length < next.length) return;
  }
}

/**
 * The bytes of a file from one position to before another; fewer if the file ends before. The handle is closed with the
 * stream. A reader that pauses stops the requests.
 */
export function bytesOf(handle: SftpHandle, from: number, end: number): Readable {
  const stream = Readable.from(pieces(handle, from, end), { objectMode: false, highWaterMark: pieceBytes });
  return stream.once('close', () => handle.close());
}
