import { createPrivateKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { derivationRounds } from './key-derivation.js';

// Private keys in PEM, for all that prove who they are by one: assertions (RFC 7523), TLS client certificates, SSH. An
// unusable key is refused when it is entered: later it would cost a user a sign-in, and the other side would be blamed.

/** JWS algorithm (RFC 7518 section 3.1, RFC 8037), determined by the key type. */
export type SigningAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA';

const curves: Readonly<Record<string, SigningAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};
const rsaBitsMin = 2048;
/** About a second of work. */
const pbkdf2RoundsMax = 2_000_000;
const keyKinds = 'RSA (2,048 bits or more), P-256, P-384, P-521 or Ed25519';

/** A key that is too short, or of a kind that is not supported. */
export const weakRsa = (bits: number): string | undefined =>
  bits >= rsaBitsMin ? undefined : `is an RSA key of ${bits} bits: it must have 2,048 or more`;

const algorithmOf = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) => {
  if (type === 'rsa') return 'RS256';
  if (type === 'ed25519') return 'EdDSA';
  return type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
};

/** The problem with a key, without any of its content. */
function problemOf(key: KeyObject): string | undefined {
  if (algorithmOf(key) === undefined) return `has a type that is not supported: use ${keyKinds}`;
  return key.asymmetricKeyType === 'rsa' ? weakRsa(key.asymmetricKeyDetails?.modulusLength ?? 0) : undefined;
}

const isSealedPkcs8 = (pem: string) => pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');

/** Whether a passphrase opens it. */
export const isSealedKey = (pem: string): boolean =>
  isSealedPkcs8(pem) || /^Proc-Type: *4, *ENCRYPTED/m.test(pem);

/** A sealed key that takes too much work to open. */
export function costlyKey(pem: string): string | undefined {
  if (!isSealedPkcs8(pem)) return undefined;
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  return derivationRounds(der) <= pbkdf2RoundsMax
    ? undefined
    : 'takes too much work to open: set its passphrase again with the usual number of rounds';
}

export type OpenedPem = { key: KeyObject } | { problem: string };

/**
 * Opens a private key.
 * @param pem PKCS#8, PKCS#1 or SEC1
 * @returns the key, or the problem with it or its passphrase, without any of their content
 */
export function openPrivateKey(pem: string, passphrase: string | undefined): OpenedPem {
  const isSealed = isSealedKey(pem);
  const costly = costlyKey(pem);
  if (costly !== undefined) return { problem: costly };
  if (isSealed && passphrase === undefined) return { problem: 'is encrypted: provide its passphrase' };
  let key: KeyObject;
  try {
    key = createPrivateKey(isSealed && passphrase !== undefined ? { key: pem, passphrase } : pem);
  } catch {
    return isSealed
      ? { problem: 'cannot be opened with the given passphrase' }
      : { problem: `is not a complete private key: provide the whole file of an ${keyKinds} key in PEM` };
  }
  const problem = problemOf(key);
  return problem === undefined ? { key } : { problem };
}

/**
 * Reads a private key for signing.
 * @param pem PKCS#8, PKCS#1 or SEC1 without a password; line breaks may be written as `\\n`
 * @returns the key, or the problem with it, without any of its content
 */
export function readSigningKey(
  pem: string,
): { key: KeyObject; algorithm: SigningAlgorithm } | { problem: string } {
  const text = pem.replaceAll('\\n', '\n');
  if (isSealedKey(text)) return { problem: 'is encrypted: remove its password (openssl pkey -in key.pem)' };
  const opened = openPrivateKey(text, undefined);
  if ('problem' in opened) return opened;
  return { key: opened.key, algorithm: algorithmOf(opened.key) as SigningAlgorithm };
}

/** A property with a signing key. */
export const signingKeySchema = z
  .string()
  .max(16_384)
  .superRefine((pem, context) => {
    const read = readSigningKey(pem);
    if ('problem' in read) context.addIssue({ code: 'custom', message: read.problem });
  });
