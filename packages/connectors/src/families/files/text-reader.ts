import { utf8Of } from '../../kit/charset.js';
import { type ByteSource, createByteSource } from './byte-reader.js';

/** A text file as UTF-8, whatever its encoding. `next` throws NotDecodable; UTF-8 itself is not checked. */
export interface TextReader extends ByteSource {
  /** Original encoding. */
  charset: string;
  /** The encoding is a guess: neither the request nor the file gives it. */
  isAssumed: boolean;
}

/**
 * @param encoding explicit encoding, if any; a byte order mark overrides it
 * @param guess detects it from the first four bytes
 * @throws ConnectorError `unsupported` for an unknown encoding
 */
export async function openText(
  bytes: Pick<ByteSource, 'next'>,
  encoding: string | undefined,
  guess: (first: Uint8Array) => string | undefined,
): Promise<TextReader> {
  const { next, charset, isAssumed } = await utf8Of({ next: bytes.next, charset: encoding, guess });
  return { ...createByteSource(next), charset, isAssumed };
}

/** Tells users how to set an encoding. */
export const encodingRemedy =
  'Add the encoding of the file to the request, for instance "file": {"encoding": "windows-1252"}, or store it as UTF-8.';
