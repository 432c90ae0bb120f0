import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import type { SealContext } from '../vault/envelope.js';
import type { OwnSecret, OwnSecrets } from '../vault/own-secrets.js';

// The key that access tokens are signed with: made when the first token is, sealed in the store, so that every node
// has the same one and nobody who copies the store has it.

export const signingAlgorithm = 'ES256';

export interface SigningKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

export interface SigningKeys {
  /** The key, made when there is none yet. */
  current(): Promise<SigningKey>;
  /** The key of this id if that is the one; what was never signed needs none to be refused. */
  find(kid: unknown): Promise<SigningKey | undefined>;
}

export const signingKeyContext: SealContext = {
  tenantId: '',
  recordKind: 'signing-key',
  recordId: 'access-tokens',
  ownerId: '',
  version: 1,
  field: 'private-key',
};

async function imported(jwk: JWK): Promise<SigningKey> {
  const { d: _private, ...publicJwk } = jwk;
  return {
    kid: await calculateJwkThumbprint(publicJwk),
    privateKey: (await importJWK(jwk, signingAlgorithm)) as CryptoKey,
    publicKey: (await importJWK(publicJwk, signingAlgorithm)) as CryptoKey,
  };
}

export function createSigningKeys(secrets: OwnSecrets): SigningKeys {
  let known: (SigningKey & { mark: string }) | undefined;

  /** Another node may have made it anew. */
  const learn = async ({ value, mark }: OwnSecret): Promise<SigningKey> => {
    if (known?.mark !== mark) known = { ...(await imported(value.reveal() as JWK)), mark };
    return known;
  };

  return {
    async find(kid) {
      if (known && kid === known.kid) return known;
      const found = await secrets.find(signingKeyContext);
      const key = found && (await learn(found));
      return kid === key?.kid ? key : undefined;
    },
    async current() {
      const make = async () => {
        const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
        return exportJWK(privateKey);
      };
      return learn(await secrets.get(signingKeyContext, make));
    },
  };
}
