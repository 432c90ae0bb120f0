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

/** Makes UTF-8 of text as its pieces come, without the mark at its beginning. */
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

const utf32 = { 'utf-32le': true, 'utf-32be': false } as const;

const isUtf32 = (charset: string): charset is keyof typeof utf32 => Object.hasOwn(utf32, charset);

/** The Encoding Standard leaves this encoding out, and so does Node's decoder. */
function utf32Transcoder(charset: keyof typeof utf32): Transcoder {
  let rest = Buffer.alloc(0);
  let isBegun = false;
  const characterOf = (code: number): string => {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new NotDecodable(charset);
    return String.fromCodePoint(code);
  };
  const push = (piece: Uint8Array) => {
    const bytes = Buffer.concat([rest, piece]);
    const end = bytes.length - (bytes.length % 4);
    let text = '';
    for (let at = 0; at < end; at += 4)
      text += characterOf(utf32[charset] ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
    rest = bytes.subarray(end);
    const isMarked = !isBegun && text.startsWith('\ufeff');
    isBegun ||= text !== '';
    return Buffer.from(isMarked ? text.slice(1) : text);
  };
  const end = () => {
    if (rest.length > 0) throw new NotDecodable(charset);
    return Buffer.alloc(0);
  };
  return { push, end };
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

/** True for names of encodings of the Encoding Standard, which browsers and Node know, and of both UTF-32. */
export function isCharset(name: string): boolean {
  try {
    return isUtf32(name.toLowerCase()) || new TextDecoder(name) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Where Node's tables lack characters of these encodings they give control or private ones instead: Korean syllables
 * beyond KS X 1001 of euc-kr, Hong Kong's characters of big5. Those of the encodings themselves are ASCII's alone.
 */
const lackingTables: ReadonlySet<string> = new Set(['shift_jis', 'euc-jp', 'euc-kr', 'big5']);
const lackedCharacter = /[\x80-\x9f\ue000-\uf8ff]/;

/** Three control characters, which Node's decoder of shift_jis takes for each other. */
const confusedBytes = [0x1a, 0x1c, 0x7f];

function isConfused(charset: string, input: Uint8Array | undefined, text: string): boolean {
  if (!lackingTables.has(charset)) return false;
  const isMistaken = charset === 'shift_jis' && confusedBytes.some((byte) => input?.includes(byte));
  return isMistaken || lackedCharacter.test(text);
}

/** @returns the encoding by its own name. UTF-8 has no transcoder: whoever reads it checks it with everything else. */
function transcoderOf(name: string): { charset: string; transcoder?: Transcoder } {
  const utf32Name = name.toLowerCase();
  if (isUtf32(utf32Name)) return { charset: utf32Name, transcoder: utf32Transcoder(utf32Name) };
  const decoder = decoderOf(name);
  const charset = decoder.encoding;
  if (charset === 'utf-8') return { charset };
  if (charset === 'windows-1252') return { charset, transcoder: windows1252Transcoder() };
  const decoded = (piece?: Uint8Array): string => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch (error) {
      throw new NotDecodable(charset, error);
    }
  };
  const decode = (piece?: Uint8Array) => {
    const text = decoded(piece);
    if (isConfused(charset, piece, text)) throw new NotDecodable(charset);
    return Buffer.from(text);
  };
  const transcoder = { push: decode, end: () => decode() };
  return { charset, transcoder };
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

/** Of other text without a mark: its first two characters are of ASCII, or of Latin-1. */
export function textCharset([one, two, three, four]: Uint8Array): string | undefined {
  if (one === undefined || four === undefined) return undefined;
  const zeros = [one, two, three, four].map((byte) => (byte === 0 ? '0' : 'x')).join('');
  const charsets = { x0x0: 'utf-16le', '0x0x': 'utf-16be', x000: 'utf-32le', '000x': 'utf-32be' };
  return charsets[zeros as keyof typeof charsets];
}

const markBytes = 4;
const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);

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

/** Text as UTF-8, without the mark at its beginning. */
export interface Utf8Text {
  /** Next bytes, undefined at the end. Of UTF-8 nothing is checked. @throws NotDecodable */
  next: Next;
  /** The encoding that it came in. */
  charset: string;
  /** The encoding was taken for granted, because nobody and nothing said it. */
  isAssumed: boolean;
}

/**
 * The text as UTF-8, piece by piece.
 * @throws ConnectorError `unsupported` for an encoding that is not known
 */
export async function utf8Of({ next, charset: said, guess }: EncodedText): Promise<Utf8Text> {
  let first = Buffer.alloc(0);
  let isEnded = false;
  while (first.length < markBytes && !isEnded) {
    const piece = await next();
    if (piece === undefined) isEnded = true;
    else first = Buffer.concat([first, piece]);
  }
  const known = markedCharset(first) ?? said ?? guess?.(first);
  const { charset, transcoder } = transcoderOf(known ?? 'utf-8');
  if (!transcoder && first.subarray(0, utf8Mark.length).equals(utf8Mark))
    first = first.subarray(utf8Mark.length);
  let ahead: Uint8Array | undefined = first;
  const raw = async (): Promise<Uint8Array | undefined> => {
    const piece = ahead ?? (isEnded ? undefined : await next());
    ahead = undefined;
    return piece;
  };
  let isOver = false;
  const decoded = async () => {
    if (isOver || !transcoder) return undefined;
    const piece = await raw();
    if (piece !== undefined) return transcoder.push(piece);
    isOver = true;
    return transcoder.end();
  };
  return { next: transcoder ? decoded : raw, charset, isAssumed: known === undefined };
}
