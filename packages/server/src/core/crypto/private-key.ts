import { webcrypto } from 'node:crypto';
import { readSigningKey, type SigningAlgorithm } from '@mooring/connectors/kit/private-key';

export interface PrivateKey {
  key: webcrypto.CryptoKey;
  algorithm: SigningAlgorithm;
}

const parameters: Record<SigningAlgorithm, Parameters<typeof webcrypto.subtle.importKey>[2]> = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521' },
  EdDSA: { name: 'Ed25519' },
};

/**
 * Reads a private key that signs assertions. The bytes cannot be exported again.
 * @param pem see `readSigningKey`
 * @returns the key, or why it is not valid
 */
export async function importPrivateKey(pem: string): Promise<PrivateKey | { problem: string }> {
  const read = readSigningKey(pem);
  if ('problem' in read) return read;
  const { key, algorithm } = read;
  const der = key.export({ type: 'pkcs8', format: 'der' });
  try {
    return {
      key: await webcrypto.subtle.importKey('pkcs8', der, parameters[algorithm], false, ['sign']),
      algorithm,
    };
  } finally {
    der.fill(0);
  }
}
