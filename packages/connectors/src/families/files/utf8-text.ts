import { isUtf8 } from 'node:buffer';
import { NotDecodable } from '../../kit/charset.js';

/** Length of the complete characters at the start. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Length of the valid text at the start. */
function textLength(bytes: Buffer): number {
  const isText = (length: number) => isUtf8(bytes.subarray(0, wholeCharacters(bytes.subarray(0, length))));
  let from = 0;
  let to = bytes.length;
  while (from < to) {
    const middle = Math.ceil((from + to) / 2);
    if (isText(middle)) from = middle;
    else to = middle - 1;
  }
  return wholeCharacters(bytes.subarray(0, from));
}

/** Decodes UTF-8 piece by piece. */
export interface Utf8Decoder {
  /** The text that is complete, and the failure after it. */
  push(piece: Buffer): { text: string; failure?: NotDecodable };
  /** The failure at the end, if any. */
  end(): NotDecodable | undefined;
}

export function createUtf8Decoder(): Utf8Decoder {
  let rest: Buffer = Buffer.alloc(0);
  const failure = () => new NotDecodable('utf-8');
  const push = (piece: Buffer) => {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = wholeCharacters(bytes);
    const whole = bytes.subarray(0, end);
    rest = bytes.subarray(end);
    if (isUtf8(whole)) return { text: whole.toString('utf8') };
    return { text: whole.toString('utf8', 0, textLength(whole)), failure: failure() };
  };
  return { push, end: () => (rest.length > 0 ? failure() : undefined) };
}
