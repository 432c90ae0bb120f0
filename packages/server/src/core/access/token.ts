import { crc32 } from 'node:zlib';
import { newBase62 } from '../crypto/random.js';

// Secrets that programs carry: prefix + `_` + 32 characters of 0-9A-Za-z (190 bits) + `_` + 6-digit checksum in the
// same alphabet. `mrg` is an API key, `mrs` the secret of an OAuth client, `mri` an invitation. With the checksum, a
// mistyped or invented token is refused without a read of the store, and secret scanners recognize a real one.

const tokenPattern = /^(mrg|mrs|mri)_([0-9A-Za-z]{32})_([0-9A-Za-z]{6})$/;

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function checksum(text: string): string {
  let rest = crc32(text) >>> 0;
  let digits = '';
  for (let index = 0; index < 6; index += 1) {
    digits = (alphabet[rest % 62] ?? '0') + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

type Prefix = 'mrg' | 'mrs' | 'mri';

function newSecret(prefix: Prefix): string {
  const body = newBase62(32);
  return `${prefix}_${body}_${checksum(body)}`;
}

function isWellFormed(token: string, prefix: Prefix): boolean {
  const parts = tokenPattern.exec(token);
  return parts?.[1] === prefix && parts[2] !== undefined && checksum(parts[2]) === parts[3];
}

export const newApiKeyToken = (): string => newSecret('mrg');

export const newClientSecret = (): string => newSecret('mrs');

export const newInvitationToken = (): string => newSecret('mri');

/** The part of a client secret that may be shown: its prefix and 24 of its 190 bits. */
export const hintOf = (clientSecret: string): string => clientSecret.slice(0, 8);

/**
 * False for a token in our format with a wrong checksum. Other formats (a key that the operator chose) may be valid.
 */
export function mayBeToken(token: string): boolean {
  return token.startsWith('mrg_') ? isWellFormed(token, 'mrg') : token.length >= 16;
}

const chosenLength = 24;
const chosenVariety = 12;

/**
 * True for an operator's key that a word list or this documentation could reveal: short, with few different
 * characters, only letters or only digits, or a repeated text.
 */
export function isWeakChoice(key: string): boolean {
  const isRepeated = /^(.{1,16}?)\1+$/.test(key);
  const isMixed = /\d/.test(key) && /[A-Za-z]/.test(key);
  return key.length < chosenLength || new Set(key).size < chosenVariety || isRepeated || !isMixed;
}

export const mayBeClientSecret = (text: string): boolean => isWellFormed(text, 'mrs');

export const mayBeInvitation = (text: string): boolean => isWellFormed(text, 'mri');

/** True for the format of a signed access token: three parts, the first a JSON object. */
export const isAccessToken = (token: string): boolean => /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
