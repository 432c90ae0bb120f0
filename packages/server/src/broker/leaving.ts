import { AppError } from '../http/app-error.js';
import { endSignIn } from '../sign-ins/sign-in-store.js';
import type { Queryable, Store, Tx } from '../store/store.js';
import type { UserTable } from '../store/tables.js';
import { shredCredential } from './credential-records.js';
import type { Revocation, Revoker } from './revoker.js';

export interface Departure {
  /** In the transaction that disables the person. */
  apply(tx: Tx): Promise<void>;
  /**
   * In a transaction: the same, and deletes the person.
   * @throws AppError CONFLICT while they own connections or spaces
   */
  remove(tx: Tx): Promise<void>;
  /** After it: tells the providers that the grants have ended. */
  send(): void;
}

/** Takes away what a person who may no longer work here could still use, and what others could use of theirs. */
export type Leaving = (person: PersonRef) => Promise<Departure>;

type PersonRef = Pick<UserTable, 'id' | 'tenant_id'>;

/** What a person still owns, in words; undefined when nothing. */
async function possessionsOf(db: Queryable, person: PersonRef): Promise<string | undefined> {
  for (const [table, words] of [
    ['connection', 'connections'],
    ['space', 'spaces'],
  ] as const) {
    const owned = await db
      .selectFrom(table)
      .select('id')
      .where('owner_id', '=', person.id)
      .where('tenant_id', '=', person.tenant_id)
      .limit(1)
      .executeTakeFirst();
    if (owned) return words;
  }
  return undefined;
}

const openStates = ['pending', 'arrived', 'redeeming'] as const;

export function createLeaving({ store, revoker }: { store: Store; revoker: Revoker }): Leaving {
  return async (person) => {
    const held = await store.db
      .selectFrom('credential')
      .selectAll()
      .where('owner_id', '=', person.id)
      .where('tenant_id', '=', person.tenant_id)
      .execute();
    const revocations: Revocation[] = [];
    for (const credential of held) {
      const connection =
        credential.connection_id === null
          ? undefined
          : await store.db
              .selectFrom('connection')
              .selectAll()
              .where('id', '=', credential.connection_id)
              .executeTakeFirst();
      const revocation = await revoker.prepare(credential, connection);
      if (revocation) revocations.push(revocation);
    }
    const apply = async (tx: Tx): Promise<void> => {
      const owned = await tx
        .selectFrom('credential')
        .select('id')
        .where('owner_id', '=', person.id)
        .where('tenant_id', '=', person.tenant_id)
        .execute();
      for (const { id } of owned) await shredCredential(tx, person.tenant_id, id);
      const signIns = await tx
        .selectFrom('sign_in')
        .select(['id', 'tenant_id', 'user_id'])
        .where('user_id', '=', person.id)
        .where('tenant_id', '=', person.tenant_id)
        .where('status', 'in', openStates)
        .execute();
      for (const signIn of signIns) await endSignIn(tx, signIn, 'failed', 'person left');
      await tx
        .updateTable('api_key')
        .set({ revoked_at: new Date().toISOString() })
        .where('user_id', '=', person.id)
        .where('revoked_at', 'is', null)
        .execute();
      await tx.deleteFrom('oauth_token').where('user_id', '=', person.id).execute();
    };
    return {
      apply,
      async remove(tx) {
        const possessions = await possessionsOf(tx, person);
        if (possessions) {
          throw new AppError(
            'CONFLICT',
            `The user still owns ${possessions}. Give them to somebody else or delete them first.`,
          );
        }
        await apply(tx);
        await tx
          .deleteFrom('user')
          .where('id', '=', person.id)
          .where('tenant_id', '=', person.tenant_id)
          .execute();
      },
      send() {
        for (const revocation of revocations) revocation.send();
      },
    };
  };
}
