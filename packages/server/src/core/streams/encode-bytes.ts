import { type Cap, type StreamCaps, type StreamOutcome, timely } from './caps.js';
import type { Encoded } from './encoded-rows.js';

/** Limits of the bytes of a file. */
export type ByteCaps = Pick<StreamCaps, 'bytesMax' | 'secondsMax' | 'idleSeconds'>;

/** The bytes of a file as they are, cut off at the caps; `stop` as for `applyCaps`. */
export function encodeBytes(
  stored: AsyncIterable<Uint8Array>,
  caps: ByteCaps,
  stop: AbortController,
): Encoded {
  const most = caps.bytesMax > 0 ? caps.bytesMax : Number.POSITIVE_INFINITY;
  let bytes = 0;
  let cap: Cap | undefined;
  const onCut = (by: Cap) => {
    cap = by;
  };
  async function* chunks(): AsyncGenerator<Uint8Array, StreamOutcome, undefined> {
    for await (const chunk of timely(stored, caps, { stop, onCut })) {
      const piece = chunk.subarray(0, most - bytes);
      bytes += piece.length;
      if (piece.length > 0) yield piece;
      if (piece.length === chunk.length) continue;
      onCut('bytes');
      break;
    }
    return cap ? { state: 'truncated', cap, rows: 0, bytes } : { state: 'complete', rows: 0, bytes };
  }
  return { chunks: chunks(), counts: () => ({ rows: 0, bytes }) };
}
