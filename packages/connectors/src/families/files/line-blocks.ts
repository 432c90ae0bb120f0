import { ConnectorError } from '../../spec/errors.js';
import { recordBytesMax } from './limits.js';

/** Cuts a byte stream at line feeds, so that no character is ever split between two blocks. */
export interface LineBlocks {
  /** The text of all lines that are complete now, without the last line feed; undefined if none is. */
  push(chunk: Buffer): string | undefined;
  /** Bytes behind the last line feed. */
  rest(): Buffer;
}

/**
 * Starts with an empty rest.
 * @throws ConnectorError `too_large` from `push` when the unfinished line exceeds {@link recordBytesMax}.
 */
export function createLineBlocks(): LineBlocks {
  let pieces: Buffer[] = [];
  let length = 0;

  const keep = (piece: Buffer) => {
    length += piece.length;
    if (length > recordBytesMax) throw recordTooLarge();
    if (piece.length > 0) pieces.push(piece);
  };
  const rest = () => {
    const joined = Buffer.concat(pieces, length);
    pieces = [joined];
    return joined;
  };
  const push = (chunk: Buffer) => {
    const end = chunk.lastIndexOf(10);
    if (end === -1) {
      keep(chunk);
      return undefined;
    }
    keep(chunk.subarray(0, end));
    const text = rest().toString('utf8');
    pieces = [];
    length = 0;
    keep(chunk.subarray(end + 1));
    return text;
  };
  return { push, rest };
}

/** A CSV record or JSON line beyond the cap. */
export function recordTooLarge(cause?: unknown): ConnectorError {
  return new ConnectorError(
    'too_large',
    `A record of the file is longer than ${recordBytesMax / 1024 / 1024} MB.`,
    { cause, remedy: 'Look for a quote that is never closed, or split the file differently.' },
  );
}
