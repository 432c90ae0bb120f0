import { endSignIn } from '../sign-ins/sign-in-store.js';
import type { Store, Tx } from '../store/store.js';
import { shredCredential } from './credential-records.js';
import type { Revocation, Revoker } from './revoker.js';

export interface Departure {
  /** In the transaction that disables or deletes the person. */
  apply(tx: Tx): Promise<void>;
  /** After it: tells the providers that the grants have ended. */
  send(): void;
}

/** Takes away what a person who may no longer work here could still use, and what others could use of theirs. */
export type Leaving = (person: { id: string; tenant_id: string }) => Promise<Departure>;

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
    return {
      async apply(tx) {
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
      },
      send() {
        for (const revocation of revocations) revocation.send();
      },
    };
  };
}
