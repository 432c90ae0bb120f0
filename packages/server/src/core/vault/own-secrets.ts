import type { Secret } from '@mooring/connectors/spec/secret';
import type { Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { SecretTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from './envelope.js';

// Secrets that the service made for itself, such as the key that access tokens are signed with. They belong to nobody,
// so nobody could bring one again: one that opens no more is dropped, on record, and made anew when it is needed.

export interface OwnSecret {
  value: Secret<unknown>;
  /** Changes when the secret is made anew, and not when its data key is wrapped anew. */
  mark: string;
}

export interface OwnSecrets {
  /** Undefined when there is none, or none that opens. */
  find(context: SealContext): Promise<OwnSecret | undefined>;
  /** Made when there is none; of nodes that make one at once the first wins. */
  get(context: SealContext, make: () => unknown): Promise<OwnSecret>;
}

export interface OwnSecretsDependencies {
  store: Store;
  vault: Vault;
  /** Puts on record, in the same transaction, that one was dropped. */
  recordDropped(tx: Tx, context: SealContext): Promise<void>;
}

export function createOwnSecrets({ store, vault, recordDropped }: OwnSecretsDependencies): OwnSecrets {
  /** No user, and wherever it was moved: nobody but the service has one of its kind. */
  const load = (context: SealContext) =>
    store.db
      .selectFrom('secret')
      .selectAll()
      .where('record_kind', '=', context.recordKind as SecretTable['record_kind'])
      .where('record_id', '=', context.recordId)
      .where('field', '=', context.field)
      .executeTakeFirst();

  const drop = (context: SealContext, { ciphertext }: SecretTable): Promise<void> =>
    store.transaction(async (tx) => {
      // No user: as above.
      const { numDeletedRows } = await tx
        .deleteFrom('secret')
        .where('record_kind', '=', context.recordKind as SecretTable['record_kind'])
        .where('record_id', '=', context.recordId)
        .where('field', '=', context.field)
        .where('ciphertext', '=', ciphertext)
        .executeTakeFirst();
      if (numDeletedRows === 1n) await recordDropped(tx, context);
    });

  const find = async (context: SealContext): Promise<OwnSecret | undefined> => {
    const row = await load(context);
    if (!row) return undefined;
    const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
    try {
      return { value: vault.open(sealed, context), mark: row.ciphertext };
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      await drop(context, row);
      return undefined;
    }
  };

  return {
    find,
    async get(context, make) {
      const found = await find(context);
      if (found) return found;
      const { keyId, wrappedKey, ciphertext } = vault.seal(await make(), context);
      await store.db
        .insertInto('secret')
        .values({
          tenant_id: context.tenantId,
          record_kind: context.recordKind as SecretTable['record_kind'],
          record_id: context.recordId,
          field: context.field,
          owner_id: context.ownerId,
          version: context.version,
          key_id: keyId,
          wrapped_key: wrappedKey,
          ciphertext,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const made = await find(context);
      if (!made) throw new Error(`the ${context.recordKind} was stored and cannot be read`);
      return made;
    },
  };
}
