import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import { AppError } from '../http/app-error.js';
import type { Db } from '../store/store.js';
import { type SealContext, type Sealed, UnreadableError, type Vault } from '../vault/envelope.js';

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
  /** The key if there is one; what was never signed needs none to be refused. */
  existing(): Promise<SigningKey | undefined>;
}

const context: SealContext = {
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

function opened(vault: Vault, sealed: Sealed): JWK {
  try {
    return vault.open(sealed, context) as JWK;
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new AppError('NOT-READY', 'The key that access tokens are signed with cannot be opened.', {
      cause,
    });
  }
}

export function createSigningKeys(db: Db, vault: Vault): SigningKeys {
  let known: SigningKey | undefined;

  const existing = async (): Promise<SigningKey | undefined> => {
    if (known) return known;
    const row = await db
      .selectFrom('secret')
      .selectAll()
      .where('record_kind', '=', 'signing-key')
      .where('record_id', '=', context.recordId)
      .where('field', '=', context.field)
      .executeTakeFirst();
    if (!row) return undefined;
    const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
    known = await imported(opened(vault, sealed));
    return known;
  };

  return {
    existing,
    async current() {
      const found = await existing();
      if (found) return found;
      const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
      const sealed = vault.seal(await exportJWK(privateKey), context);
      // Two nodes may make one at once; the store keeps the first.
      await db
        .insertInto('secret')
        .values({
          tenant_id: context.tenantId,
          record_kind: 'signing-key',
          record_id: context.recordId,
          field: context.field,
          owner_id: context.ownerId,
          version: context.version,
          key_id: sealed.keyId,
          wrapped_key: sealed.wrappedKey,
          ciphertext: sealed.ciphertext,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const made = await existing();
      if (!made) throw new Error('the signing key was stored and cannot be read');
      return made;
    },
  };
}
