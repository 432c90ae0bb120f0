import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/** SHA-256 as base64url, 43 characters. */
export function sha256(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** HMAC-SHA-256 as base64url, 43 characters. */
export function hmacSha256(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('base64url');
}

/** Compares two digests of equal length without leaking where they differ. */
export function equalDigests(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}
