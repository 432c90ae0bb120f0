import { importPrivateKey, type PrivateKey } from '../vault/private-key.js';
import { OAuthError } from './oauth-error.js';

/**
 * The key that signs assertions of a client or a service account.
 * @throws OAuthError `client_refused` when there is none that can be used; nothing of it is in the message
 */
export async function readPrivateKey(pem: string | undefined): Promise<PrivateKey> {
  const key = pem === undefined ? undefined : await importPrivateKey(pem);
  if (key) return key;
  throw new OAuthError('client_refused', {
    detail: pem
      ? 'Its private key is no PEM of an RSA (2,048 bits or more), P-256, P-384, P-521 or Ed25519 key without a password.'
      : 'It has no private key.',
  });
}
