import { TextDecoder } from 'node:util';
import { ConnectorError } from '../interface/errors.js';

/** Text with bytes that are not valid in its encoding; decoding would replace them with other characters. */
export class NotDecodable extends Error {
  override name = 'NotDecodable';
  readonly charset: string;

  constructor(charset: string, cause?: unknown) {
    super(`The bytes are not valid ${charset}.`, { cause });
    this.charset = charset;
  }
}

/** Converts text to UTF-8 piece by piece and strips the byte order mark. */
interface Transcoder {
  /** @throws NotDecodable */
  push(piece: Uint8Array): Uint8Array;
  /** @throws NotDecodable for an incomplete character */
  end(): Uint8Array;
}

/** Bytes 0x80 to 0x9F; those that Windows leaves undefined stay the control characters of Latin-1. */
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Node 20.20 decodes this encoding as Latin-1, which has no euro sign. */
function windows1252Transcoder(): Transcoder {
  const decode = (piece: Uint8Array) =>
    Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
      .toString('latin1')
      .replaceAll(/[\x80-\x9f]/g, (character) => windows1252.charAt(character.charCodeAt(0) - 0x80));
  return { push: (piece) => Buffer.from(decode(piece)), end: () => Buffer.alloc(0) };
}

const utf32 = { 'utf-32le': true, 'utf-32be': false } as const;

const isUtf32 = (charset: string): charset is keyof typeof utf32 => Object.hasOwn(utf32, charset);

/** Not in the Encoding Standard, and so not in Node's decoder. */
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
    throw new ConnectorError('unsupported', `The encoding${name} is not supported.`, {
      remedy:
        'Set encoding to a name from the WHATWG Encoding Standard, for instance utf-8, utf-16le or windows-1252.',
    });
  }
}

/** Whether a name is an encoding of the Encoding Standard, which browsers and Node support, or one of both UTF-32. */
export function isCharset(name: string): boolean {
  try {
    return isUtf32(name.toLowerCase()) || new TextDecoder(name) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Where Node's tables for these encodings have gaps, it returns control or private-use characters: Korean syllables
 * beyond KS X 1001 in euc-kr, Hong Kong characters in big5. The encodings themselves have only the control characters
 * of ASCII.
 */
const lackingTables: ReadonlySet<string> = new Set(['shift_jis', 'euc-jp', 'euc-kr', 'big5']);
const lackedCharacter = /[\x80-\x9f\ue000-\uf8ff]/;

/** Three control characters that Node's shift_jis decoder confuses. */
const confusedBytes = [0x1a, 0x1c, 0x7f];

function isConfused(charset: string, input: Uint8Array | undefined, text: string): boolean {
  if (!lackingTables.has(charset)) return false;
  const isMistaken = charset === 'shift_jis' && confusedBytes.some((byte) => input?.includes(byte));
  return isMistaken || lackedCharacter.test(text);
}

/** @returns the canonical name of the encoding. UTF-8 has no transcoder: its reader validates it. */
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

/** From the byte order mark, which overrides any name. */
function markedCharset(first: Uint8Array): string | undefined {
  const [one, two, three, four] = first;
  if (one === 0xff && two === 0xfe) return three === 0 && four === 0 ? 'utf-32le' : 'utf-16le';
  if (one === 0xfe && two === 0xff) return 'utf-16be';
  if (one === 0 && two === 0 && three === 0xfe && four === 0xff) return 'utf-32be';
  return one === 0xef && two === 0xbb && three === 0xbf ? 'utf-8' : undefined;
}

/** JSON without a byte order mark: its first character is ASCII (RFC 4627 section 3). */
export function jsonCharset([one, two, three, four]: Uint8Array): string | undefined {
  if (one === 0 && two === 0) return 'utf-32be';
  if (one === 0) return 'utf-16be';
  if (two === 0) return three === 0 && four === 0 ? 'utf-32le' : 'utf-16le';
  return undefined;
}

/** Other text without a byte order mark: its first two characters are ASCII or Latin-1. */
export function textCharset([one, two, three, four]: Uint8Array): string | undefined {
  if (one === undefined || four === undefined) return undefined;
  const zeros = [one, two, three, four].map((byte) => (byte === 0 ? '0' : 'x')).join('');
  const charsets = { x0x0: 'utf-16le', '0x0x': 'utf-16be', x000: 'utf-32le', '000x': 'utf-32be' };
  return charsets[zeros as keyof typeof charsets];
}

const markBytes = 4;
const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);

type Next = () => Promise<Uint8Array | undefined>;

/** Encoded text, as it arrives. */
export interface EncodedText {
  /** Next bytes, undefined at the end. */
  next: Next;
  /** Declared encoding, if any; a byte order mark overrides it. */
  charset?: string | undefined;
  /** Detects the encoding from the first four bytes if nothing else gives it. */
  guess?: (first: Uint8Array) => string | undefined;
}

/** Text as UTF-8, without a byte order mark. */
export interface Utf8Text {
  /** Next bytes, undefined at the end. UTF-8 input is not validated. @throws NotDecodable */
  next: Next;
  /** The original encoding. */
  charset: string;
  /** The encoding is a default: it was neither declared nor detected. */
  isAssumed: boolean;
}

/**
 * The text as UTF-8, piece by piece.
 * @throws ConnectorError `unsupported` for an unknown encoding
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
