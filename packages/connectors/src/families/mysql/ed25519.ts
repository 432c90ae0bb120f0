// Sign-in by MariaDB's `client_ed25519`: Ed25519 (RFC 8032, section 5.1.6) over the server's nonce, with one difference: what
// is hashed into the key is the password, of any length, instead of 32 random bytes. `node:crypto` takes only those.
// Source: MariaDB documentation, "Authentication Plugin - ed25519".
import { createHash } from 'node:crypto';
import type { Secret } from '../../interface/secret.js';
import { brokenFrame } from '../../kit/frame-guard.js';

/** Bytes that the server sends to be signed. */
const NONCE_BYTES = 32;

const sha512 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Little-endian. */
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

/** @throws ConnectorError `protocol_error` for a nonce of another length */
export async function signedNonce(nonce: Uint8Array, password: Secret<string>): Promise<Buffer> {
  if (nonce.length !== NONCE_BYTES) throw brokenFrame();
  const { Point } = (await import('@noble/curves/ed25519.js')).ed25519;
  const { Fn, BASE } = Point;
  const hash = sha512(Buffer.from(password.reveal()));
  const key = hash.subarray(0, 32);
  key[0] = (key[0] ?? 0) & 0b1111_1000;
  key[31] = ((key[31] ?? 0) & 0b0011_1111) | 0b0100_0000;
  const secret = Fn.create(numberOf(key));
  const own = BASE.multiply(secret).toBytes();
  const once = Fn.create(numberOf(sha512(hash.subarray(32), nonce)));
  const commitment = BASE.multiply(once).toBytes();
  const challenge = Fn.create(numberOf(sha512(commitment, own, nonce)));
  const answer = Buffer.from(
    Fn.create(once + challenge * secret)
      .toString(16)
      .padStart(64, '0'),
    'hex',
  ).reverse();
  return Buffer.concat([commitment, answer]);
}
