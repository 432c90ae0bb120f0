import { record } from '../audit/record.js';
import { insertCredential, renewGrant } from '../broker/credential-records.js';
import type { GrantAccount } from '../broker/grant-account.js';
import type { StoredGrant } from '../broker/grant-state.js';
import { linkCredential } from '../broker/links.js';
import type { OAuthSetup } from '../broker/oauth-setup.js';
import { AppError } from '../http/app-error.js';
import type { Caller } from '../http/handler.js';
import type { Queryable, Store } from '../store/store.js';
import type { ConnectionTable, CredentialTable, SignInTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { newUuid } from '../vault/random.js';
import { endSignIn, openField, sealField } from './sign-in-store.js';

// A grant of an account that is not the one a credential had. It belongs to nobody until the person who began the
// sign-in has chosen; unchosen, it is ended at the provider when the time of the sign-in has passed.

export type AccountChoice = 'replace' | 'add' | 'cancel';

export interface ParkedGrants {
  park(
    row: SignInTable,
    grant: StoredGrant,
    facts: { account: GrantAccount | undefined; intentId: string },
  ): Promise<void>;
  /**
   * Does with a parked grant what its person has chosen.
   * @throws AppError NOT-FOUND for a sign-in that is not the caller's, SIGN-IN-INVALID for one without a choice
   */
  choose(
    caller: Caller,
    signInId: string,
    choice: AccountChoice,
    credentialsName: string | undefined,
  ): Promise<CredentialTable['id'] | undefined>;
  /** Ends those that nobody chose in time. */
  expire(): Promise<void>;
}

export interface ParkedGrantDependencies {
  store: Store;
  vault: Vault;
  /** @param connection the one the sign-in was for; absent: any that the credential may be used on */
  setupOf(credential: CredentialTable, connection?: ConnectionTable): Promise<OAuthSetup | undefined>;
  endTokens(credential: CredentialTable, setup: OAuthSetup, tokens: StoredGrant['tokens']): Promise<void>;
  /** How long a choice stays open. */
  signInMinutes: number;
}

/** The setup of a credential; undefined where it cannot be told any more. */
export async function readSetup(
  { setupOf }: Pick<ParkedGrantDependencies, 'setupOf'>,
  credential: CredentialTable,
  connection?: ConnectionTable,
): Promise<OAuthSetup | undefined> {
  try {
    return await setupOf(credential, connection);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

export function createParkedGrants(deps: ParkedGrantDependencies): ParkedGrants {
  const { store, vault } = deps;

  const credentialOf = (db: Queryable, row: SignInTable) =>
    db
      .selectFrom('credential')
      .selectAll()
      .where('id', '=', row.credential_id)
      .where('tenant_id', '=', row.tenant_id)
      .where('owner_id', '=', row.user_id)
      .executeTakeFirst();

  const open = async (row: SignInTable): Promise<StoredGrant | undefined> => {
    const text = await openField(store.db, vault, row, 'grant');
    return text === undefined ? undefined : (JSON.parse(text) as StoredGrant);
  };

  /** The provider is told, whether the credential it was for is still there or not. */
  const discard = async (row: SignInTable, status: 'failed' | 'expired', why: string): Promise<void> => {
    const grant = await open(row);
    const credential = await credentialOf(store.db, row);
    const setup = credential && (await readSetup(deps, credential));
    if (grant && credential && setup) await deps.endTokens(credential, setup, grant.tokens);
    await endSignIn(store.db, row, status, why);
  };

  /** A name that the person does not have yet: `name (2)`, `name (3)`, … */
  const freeName = async (
    tx: Queryable,
    like: CredentialTable,
    wanted: string | undefined,
  ): Promise<string> => {
    const rows = await tx
      .selectFrom('credential')
      .select('name_key')
      .where('tenant_id', '=', like.tenant_id)
      .where('owner_id', '=', like.owner_id)
      .where('source_id', '=', like.source_id)
      .where('separated', '=', 1)
      .execute();
    const taken = new Set(rows.map(({ name_key }) => name_key));
    if (wanted !== undefined) {
      if (taken.has(wanted))
        throw new AppError('CONFLICT', 'credentialsName: you have a credential of this name.');
      return wanted;
    }
    for (let number = 2; ; number += 1) {
      const name = `${like.name} (${number})`;
      if (!taken.has(name)) return name;
    }
  };

  const add = async (
    tx: Queryable,
    row: SignInTable,
    like: CredentialTable,
    grant: StoredGrant,
    wanted: string | undefined,
  ): Promise<string> => {
    const id = newUuid();
    await insertCredential(tx as Parameters<typeof insertCredential>[0], vault, {
      ...{ id, tenantId: like.tenant_id, ownerId: like.owner_id, sourceId: like.source_id },
      ...{ name: await freeName(tx, like, wanted), separated: true, connectionId: null, signIn: row.sign_in },
      ...{ destination: row.destination, secrets: { login: {}, grant }, at: store.clock.iso() },
    });
    const connection =
      row.connection_id === null
        ? undefined
        : await tx
            .selectFrom('connection')
            .select(['id', 'tenant_id'])
            .where('id', '=', row.connection_id)
            .where('tenant_id', '=', row.tenant_id)
            .executeTakeFirst();
    if (connection) await linkCredential(tx, connection, row.user_id, id, store.clock.iso());
    return id;
  };

  return {
    async park(row, grant, { account, intentId }) {
      await store.transaction(async (tx) => {
        await sealField(tx, vault, row, 'grant', JSON.stringify(grant));
        await tx
          .updateTable('sign_in')
          .set({
            status: 'needs_choice',
            account_issuer: account?.issuer ?? null,
            account_subject: account?.subject ?? null,
            account_email: account?.email ?? null,
            expires_at: store.clock.iso(deps.signInMinutes * 60_000),
          })
          .where('id', '=', row.id)
          .where('tenant_id', '=', row.tenant_id)
          .execute();
        await tx.deleteFrom('intent').where('id', '=', intentId).execute();
      });
    },

    async choose(caller, signInId, choice, credentialsName) {
      const row = await store.db
        .selectFrom('sign_in')
        .selectAll()
        .where('id', '=', signInId.toLowerCase())
        .where('tenant_id', '=', caller.tenantId)
        .where('user_id', '=', caller.userId)
        .executeTakeFirst();
      if (!row) throw new AppError('NOT-FOUND', 'You began no such sign-in.');
      if (row.status !== 'needs_choice' || row.expires_at <= store.clock.iso()) {
        throw new AppError('SIGN-IN-INVALID', 'This sign-in has nothing to choose, or its time has passed.');
      }
      if (choice === 'cancel') {
        await discard(row, 'failed', 'cancelled');
        return undefined;
      }
      const [credential, grant] = [await credentialOf(store.db, row), await open(row)];
      if (!credential || !grant) {
        throw new AppError('SIGN-IN-INVALID', 'The credential of this sign-in is gone. Begin again.');
      }
      if (choice === 'add' && credential.connection_id !== null) {
        throw new AppError(
          'DCERROR-0010',
          'choice: a connection has one embedded credential; replace it or cancel.',
        );
      }
      return store.transaction(async (tx) => {
        const claimed = await tx
          .updateTable('sign_in')
          .set({ status: 'completed' })
          .where('id', '=', row.id)
          .where('status', '=', 'needs_choice')
          .executeTakeFirst();
        if (claimed.numUpdatedRows !== 1n) {
          throw new AppError('SIGN-IN-IN-PROGRESS', 'Another request has chosen for this sign-in.');
        }
        const id = choice === 'add' ? await add(tx, row, credential, grant, credentialsName) : credential.id;
        if (choice === 'replace') await renewGrant(tx, vault, credential, grant);
        await endSignIn(tx, row, 'completed');
        await record(tx, { name: 'sign-in.completed', by: caller, resourceId: row.id, data: { choice } });
        return id;
      });
    },

    async expire() {
      const rows = await store.db
        .selectFrom('sign_in')
        .selectAll()
        .where('status', '=', 'needs_choice')
        .where('expires_at', '<=', store.clock.iso())
        .limit(100)
        .execute();
      for (const row of rows) await discard(row, 'expired', 'not chosen');
    },
  };
}
