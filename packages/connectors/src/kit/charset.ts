import { TextDecoder } from 'node:util';
import { ConnectorError } from '../spec/errors.js';

/** Text that its encoding has no characters for: decoding it would put others in their place. */
export class NotDecodable extends Error {
  override name = 'NotDecodable';
  readonly charset: string;

  constructor(charset: string, cause?: unknown) {
    super(`The bytes are no text in ${charset}.`, { cause });
    this.charset = charset;
  }
}

/** Makes UTF-8 of text as its pieces come. */
interface Transcoder {
  /** @throws NotDecodable */
  push(piece: Uint8Array): Uint8Array;
  /** @throws NotDecodable for half a character */
  end(): Uint8Array;
}

/** Of bytes 0x80 to 0x9F; those that Windows leaves open stay the control characters that they are in Latin-1. */
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Node 20.20's decoder takes this encoding for Latin-1, which has no euro sign. */
function windows1252Transcoder(): Transcoder {
  const decode = (piece: Uint8Array) =>
    Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
      .toString('latin1')
      .replaceAll(/[\x80-\x9f]/g, (character) => windows1252.charAt(character.charCodeAt(0) - 0x80));
  return { push: (piece) => Buffer.from(decode(piece)), end: () => Buffer.alloc(0) };
}

function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch {
    const name = /^[\w.:-]{1,40}$/.test(charset) ? ` ${charset}` : '';
    throw new ConnectorError('unsupported', `Text in the encoding${name} is not read.`, {
      remedy:
        'Set encoding to one that the Encoding Standard names, for instance utf-8, utf-16le or windows-1252.',
    });
  }
}

/** True for names of encodings of the Encoding Standard, which browsers and Node know. */
export function isCharset(name: string): boolean {
  try {
    return new TextDecoder(name) !== undefined;
  } catch {
    return false;
  }
}

function transcoderOf(charset: string): Transcoder | undefined {
  const decoder = decoderOf(charset);
  // UTF-8 is passed on as it is: whoever reads it checks it with everything else.
  if (decoder.encoding === 'utf-8') return undefined;
  if (decoder.encoding === 'windows-1252') return windows1252Transcoder();
  const decode = (...input: Parameters<TextDecoder['decode']>) => {
    try {
      return Buffer.from(decoder.decode(...input));
    } catch (error) {
      throw new NotDecodable(decoder.encoding, error);
    }
  };
  return { push: (piece) => decode(piece, { stream: true }), end: () => decode() };
}

/** By the mark at its beginning, which says more than any name. */
function markedCharset(first: Uint8Array): string | undefined {
  const [one, two, three, four] = first;
  if (one === 0xff && two === 0xfe) return three === 0 && four === 0 ? 'utf-32le' : 'utf-16le';
  if (one === 0xfe && two === 0xff) return 'utf-16be';
  if (one === 0 && two === 0 && three === 0xfe && four === 0xff) return 'utf-32be';
  return one === 0xef && two === 0xbb && three === 0xbf ? 'utf-8' : undefined;
}

/** Of JSON without a mark: its first character is one of ASCII (RFC 4627 section 3). */
export function jsonCharset([one, two, three, four]: Uint8Array): string | undefined {
  if (one === 0 && two === 0) return 'utf-32be';
  if (one === 0) return 'utf-16be';
  if (two === 0) return three === 0 && four === 0 ? 'utf-32le' : 'utf-16le';
  return undefined;
}

const markBytes = 4;

type Next = () => Promise<Uint8Array | undefined>;

/** Text as it comes. */
export interface EncodedText {
  /** Next bytes, undefined at the end. */
  next: Next;
  /** Its encoding, where somebody said so; a mark at its beginning wins. */
  charset?: string | undefined;
  /** Tells the encoding by the first four bytes where neither says it. */
  guess?: (first: Uint8Array) => string | undefined;
}

/**
 * The text as UTF-8, piece by piece. Of UTF-8 nothing is checked.
 * @throws ConnectorError `unsupported` for an encoding that is not known
 */
export async function utf8Of({ next, charset, guess }: EncodedText): Promise<Next> {
  let first = Buffer.alloc(0);
  let isEnded = false;
  while (first.length < markBytes && !isEnded) {
    const piece = await next();
    if (piece === undefined) isEnded = true;
    else first = Buffer.concat([first, piece]);
  }
  const transcoder = transcoderOf(markedCharset(first) ?? charset ?? guess?.(first) ?? 'utf-8');
  let ahead: Uint8Array | undefined = first;
  const raw = async (): Promise<Uint8Array | undefined> => {
    const piece = ahead ?? (isEnded ? undefined : await next());
    ahead = undefined;
    return piece;
  };
  if (!transcoder) return raw;
  let isOver = false;
  return async () => {
    if (isOver) return undefined;
    const piece = await raw();
    if (piece !== undefined) return transcoder.push(piece);
    isOver = true;
    return transcoder.end();
  };
}
