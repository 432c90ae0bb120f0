import type { Secret } from '@mooring/connectors/interface/secret';
import { importPrivateKey, type PrivateKey } from '../crypto/private-key.js';
import { OAuthError } from './oauth-error.js';

/**
 * The key that signs assertions of a client or a service account.
 * @throws OAuthError `client_refused` without a usable key; the message has nothing of the key
 */
export async function readPrivateKey(pem: Secret<string> | undefined): Promise<PrivateKey> {
  if (!pem) throw new OAuthError('client_refused', { detail: 'It has no private key.' });
  const read = await importPrivateKey(pem.reveal());
  if ('problem' in read)
    throw new OAuthError('client_refused', { detail: `Its private key ${read.problem}.` });
  return read;
}
