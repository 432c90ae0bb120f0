import { createPrivateKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

// Private keys that sign assertions (RFC 7523). An unusable key is refused when it is entered: later it would cost a
// user a sign-in, and the provider would be blamed.

/** JWS algorithm (RFC 7518 section 3.1, RFC 8037), determined by the key type. */
export type SigningAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA';

const curves: Readonly<Record<string, SigningAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};
const rsaBitsMin = 2048;
const kinds = 'RSA (2,048 bits or more), P-256, P-384, P-521 or Ed25519';

/**
 * Reads a private key for signing.
 * @param pem PKCS#8, PKCS#1 or SEC1 without a password; line breaks may be written as `\\n`
 * @returns the key, or the problem with it, without any of its content
 */
export function readSigningKey(
  pem: string,
): { key: KeyObject; algorithm: SigningAlgorithm } | { problem: string } {
  const text = pem.replaceAll('\\n', '\n');
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m.test(text)) {
    return { problem: 'is encrypted: remove its password (openssl pkey -in key.pem)' };
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    return { problem: `is not a PEM private key: provide the complete file of an ${kinds} key` };
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    return bits >= rsaBitsMin
      ? { key, algorithm: 'RS256' }
      : { problem: `is an RSA key of ${bits} bits: it must have 2,048 or more` };
  }
  const algorithm =
    type === 'ed25519' ? 'EdDSA' : type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
  return algorithm ? { key, algorithm } : { problem: `has an unsupported type: use ${kinds}` };
}

/** A property with a signing key. */
export const signingKeySchema = z
  .string()
  .max(16_384)
  .superRefine((pem, context) => {
    const read = readSigningKey(pem);
    if ('problem' in read) context.addIssue({ code: 'custom', message: read.problem });
  });
