import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import { serverContext } from '../vault/envelope.js';
import type { OwnSecret, OwnSecrets } from '../vault/own-secrets.js';

// The key that signs access tokens: created with the first token and sealed in the store, so that all nodes share it
// and a copy of the store does not reveal it.

export const signingAlgorithm = 'ES256';

export const signingKeyContext = serverContext('signing-key', 'access-tokens', 'private-key');

async function imported(jwk: JWK) {
  const { d: _private, ...publicJwk } = jwk;
  return {
    /** RFC 7638 thumbprint. */
    kid: await calculateJwkThumbprint(publicJwk),
    privateKey: (await importJWK(jwk, signingAlgorithm)) as CryptoKey,
    publicKey: (await importJWK(publicJwk, signingAlgorithm)) as CryptoKey,
  };
}

type SigningKey = Awaited<ReturnType<typeof imported>>;
export type SigningKeys = ReturnType<typeof createSigningKeys>;

export function createSigningKeys(secrets: OwnSecrets) {
  let known: (SigningKey & { mark: string }) | undefined;

  /** Another node may have replaced it. */
  const learn = async ({ value, mark }: OwnSecret): Promise<SigningKey> => {
    if (known?.mark !== mark) known = { ...(await imported(value.reveal() as JWK)), mark };
    return known;
  };

  return {
    /** The key with this id. Undefined for any other: a token that was never signed is refused without creating a key. */
    async find(kid: unknown): Promise<SigningKey | undefined> {
      if (known && kid === known.kid) return known;
      const found = await secrets.find(signingKeyContext);
      const key = found && (await learn(found));
      return kid === key?.kid ? key : undefined;
    },
    /** The key, created when missing. */
    async current(): Promise<SigningKey> {
      const make = async () => {
        const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
        return exportJWK(privateKey);
      };
      return learn(await secrets.get(signingKeyContext, make));
    },
  };
}
