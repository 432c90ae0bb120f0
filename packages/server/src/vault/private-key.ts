import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';

export interface PrivateKey {
  key: webcrypto.CryptoKey;
  /** JWS algorithm (RFC 7518 section 3.1, RFC 8037) that the kind of key decides. */
  algorithm: string;
}

type ImportParameters = Parameters<typeof webcrypto.subtle.importKey>[2];

const curves: Readonly<Record<string, { namedCurve: string; algorithm: string }>> = {
  prime256v1: { namedCurve: 'P-256', algorithm: 'ES256' },
  secp384r1: { namedCurve: 'P-384', algorithm: 'ES384' },
  secp521r1: { namedCurve: 'P-521', algorithm: 'ES512' },
};
const rsaBitsMin = 2048;

/**
 * Reads a private key that signs assertions. The bytes cannot be exported again.
 * @param pem PKCS#8, PKCS#1 or SEC1 without a password; line breaks may be written as `\\n`
 * @returns undefined for anything else than RSA of 2,048 bits and more, P-256, P-384, P-521 or Ed25519
 */
export async function importPrivateKey(pem: string): Promise<PrivateKey | undefined> {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    return undefined;
  }
  const found = parametersOf(key);
  if (!found) return undefined;
  const der = key.export({ type: 'pkcs8', format: 'der' });
  try {
    return {
      key: await webcrypto.subtle.importKey('pkcs8', der, found.parameters, false, ['sign']),
      algorithm: found.algorithm,
    };
  } finally {
    der.fill(0);
  }
}

function parametersOf(key: KeyObject): { parameters: ImportParameters; algorithm: string } | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= rsaBitsMin) {
    return { parameters: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, algorithm: 'RS256' };
  }
  if (type === 'ed25519') return { parameters: { name: 'Ed25519' }, algorithm: 'EdDSA' };
  const curve = type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
  return curve && { parameters: { name: 'ECDSA', namedCurve: curve.namedCurve }, algorithm: curve.algorithm };
}
