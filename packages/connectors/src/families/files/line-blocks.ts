import { createByteCollector } from '../../kit/byte-collector.js';
import { recordTooLarge } from '../../kit/json/document.js';

/** Cuts a byte stream at line feeds, so that no character is split between two blocks. */
export interface LineBlocks {
  /** The bytes of all lines that are complete, without the last line feed; undefined if there are none. */
  push(chunk: Buffer): Buffer | undefined;
  /** Bytes after the last line feed. Clears them. */
  rest(): Buffer;
}

/** @throws ConnectorError `too_large` from `push` when the unfinished line exceeds `lineBytesMax`. */
export function createLineBlocks(lineBytesMax: number): LineBlocks {
  const unfinished = createByteCollector();
  const keep = (piece: Buffer) => {
    if (unfinished.length + piece.length > lineBytesMax) throw recordTooLarge(lineBytesMax);
    unfinished.append(piece);
  };
  const push = (chunk: Buffer) => {
    const end = chunk.lastIndexOf(10);
    if (end === -1) {
      keep(chunk);
      return undefined;
    }
    keep(chunk.subarray(0, end));
    const lines = unfinished.take();
    keep(chunk.subarray(end + 1));
    return lines;
  };
  return { push, rest: unfinished.take };
}
