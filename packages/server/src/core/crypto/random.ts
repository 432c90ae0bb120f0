import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** RFC 4122 version 4, as connections and credentials are named. */
export const newUuid = (): string => randomUUID();

/** 24 hexadecimal digits, as Qlik names users and spaces. */
export const newObjectId = (): string => randomBytes(12).toString('hex');

/** Hexadecimal text of `byteCount` random bytes; OAuth clients are named by 16. */
export const newHex = (byteCount: number): string => randomBytes(byteCount).toString('hex');

/** Base64url text of `byteCount` random bytes. */
export const newToken = (byteCount = 32): string => randomBytes(byteCount).toString('base64url');

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `length` characters of 0-9A-Za-z, uniformly; 5.95 bits each. */
export function newBase62(length: number): string {
  let text = '';
  for (let index = 0; index < length; index += 1) text += alphabet[randomInt(alphabet.length)];
  return text;
}
