import { crc32 } from 'node:zlib';
import { newBase62 } from '../vault/random.js';

// API keys: `mrg_` + 32 characters of 0-9A-Za-z (190 bits) + `_` + 6-digit checksum in the same alphabet.
// The checksum lets a mistyped or invented key be refused without asking the store, and lets secret scanners
// know a real one.

export const tokenPattern = /^mrg_([0-9A-Za-z]{32})_([0-9A-Za-z]{6})$/;

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

export function newApiKeyToken(): string {
  const body = newBase62(32);
  return `mrg_${body}_${checksum(body)}`;
}

/** False for a token of our form whose checksum does not fit. Other forms (a key of the operator's choosing) may be valid. */
export function mayBeToken(token: string): boolean {
  if (!token.startsWith('mrg_')) return token.length >= 16;
  const parts = tokenPattern.exec(token);
  return parts?.[1] !== undefined && checksum(parts[1]) === parts[2];
}
