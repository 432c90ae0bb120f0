import { utf8Of } from '../../kit/charset.js';
import { type ByteSource, createByteSource } from './byte-reader.js';

/** A text file as UTF-8, whatever it is written in. `next` throws NotDecodable; of UTF-8 nothing is checked. */
export interface TextReader extends ByteSource {
  /** What it is written in. */
  charset: string;
  /** Nobody and nothing said so. */
  isAssumed: boolean;
}

/**
 * @param encoding where somebody said it; a mark at the beginning wins
 * @param guess by the first four bytes
 * @throws ConnectorError `unsupported` for an encoding that is not known
 */
export async function openText(
  bytes: Pick<ByteSource, 'next'>,
  encoding: string | undefined,
  guess: (first: Uint8Array) => string | undefined,
): Promise<TextReader> {
  const { next, charset, isAssumed } = await utf8Of({ next: bytes.next, charset: encoding, guess });
  return { ...createByteSource(next), charset, isAssumed };
}

/** How somebody is told to say an encoding. */
export const encodingRemedy =
  'Add the encoding of the file to the request, for instance "file": {"encoding": "windows-1252"}, or store it as UTF-8.';
