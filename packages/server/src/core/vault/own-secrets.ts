import type { Secret } from '@mooring/connectors/interface/secret';
import type { Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { SecretTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from './envelope.js';
import { fromSealedColumns, secretRow } from './sealed-fields.js';

// The server's own secrets, such as the key that signs access tokens. No user could enter one again, so one that no
// longer opens is dropped, with an audit event, and recreated when it is needed.

export interface OwnSecret {
  value: Secret<unknown>;
  /** Changes when the secret is recreated, and not when its data key is rewrapped. */
  mark: string;
}

export interface OwnSecretsDependencies {
  store: Store;
  vault: Vault;
  /** Records, in the same transaction, that one was dropped. */
  recordDropped(tx: Tx, context: SealContext): Promise<void>;
}

export type OwnSecrets = ReturnType<typeof createOwnSecrets>;

export function createOwnSecrets({ store, vault, recordDropped }: OwnSecretsDependencies) {
  /** No user, whatever tenant and owner the row has: only the server has secrets of this kind. */
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

  /** Undefined when it is missing or does not open. */
  const find = async (context: SealContext): Promise<OwnSecret | undefined> => {
    const row = await load(context);
    if (!row) return undefined;
    try {
      return { value: vault.open(fromSealedColumns(row), context), mark: row.ciphertext };
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      await drop(context, row);
      return undefined;
    }
  };

  return {
    find,
    /** Creates it when missing; of concurrent nodes the first wins. */
    async get(context: SealContext, make: () => unknown): Promise<OwnSecret> {
      const found = await find(context);
      if (found) return found;
      const sealed = vault.seal(await make(), context);
      await store.db
        .insertInto('secret')
        .values(secretRow(context, sealed))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const made = await find(context);
      if (!made) throw new Error(`the ${context.recordKind} was stored and cannot be read`);
      return made;
    },
  };
}
