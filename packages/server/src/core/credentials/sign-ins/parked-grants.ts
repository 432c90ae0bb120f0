import { revealedJson, Secret } from '@mooring/connectors/spec/secret';
import type { Caller } from '../../access/caller.js';
import { record, recordCredential } from '../../audit/record.js';
import { newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { eachByItself } from '../../store/batches.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import type { GrantAccount } from '../grants/grant-account.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import type { Revoker } from '../grants/revoker.js';
import { insertCredential, replaceCredential } from '../records/credential-records.js';
import { linkCredential } from '../records/links.js';
import { freeName, isNameFree } from '../records/own-credentials.js';
import { assertReaches } from '../records/reach.js';
import { openedParked, type ParkedGrant, sealedGrantOf } from './sealed-grants.js';
import { changeWhile, dropIntent, endSignIn, openField, sealField } from './sign-in-store.js';

// A grant of an account that is not known to be the one a credential had, brought by who began the sign-in. It belongs
// to nobody until they have chosen; unchosen, it is ended at the provider when the time of the sign-in has passed.

export type AccountChoice = 'replace' | 'add' | 'cancel';

export interface ParkedGrants {
  /**
   * @param row with the credential that the grant would have been for
   * @returns false when that was deleted, or the sign-in ended, meanwhile; nothing is kept then
   */
  park(
    row: SignInTable,
    parked: ParkedGrant,
    facts: { account: GrantAccount | undefined; intentId: string },
  ): Promise<boolean>;
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
  revoker: Pick<Revoker, 'noteTokens' | 'kick'>;
  /** How long a choice stays open. */
  signInMinutes: number;
}

const chosenMeanwhile = () =>
  new AppError('SIGN-IN-IN-PROGRESS', 'Another request has chosen for this sign-in.');
/** The credential that a sign-in was to renew was deleted meanwhile. */
export const credentialGone = () =>
  new AppError('SIGN-IN-INVALID', 'The credential of this sign-in is gone. Begin again.');

export function createParkedGrants({
  store,
  vault,
  revoker,
  signInMinutes,
}: ParkedGrantDependencies): ParkedGrants {
  const credentialOf = (db: Queryable, row: SignInTable) =>
    db
      .selectFrom('credential')
      .selectAll()
      .where('id', '=', row.credential_id)
      .where('tenant_id', '=', row.tenant_id)
      .where('owner_id', '=', row.user_id)
      .executeTakeFirst();

  /** @throws UnreadableError */
  const open = async (db: Queryable, row: SignInTable): Promise<ParkedGrant | undefined> => {
    const text = await openField(db, vault, row, 'grant');
    return text === undefined ? undefined : openedParked(text);
  };

  /** Whoever chooses, or ends what nobody chose, takes the sign-in first: a grant is kept or ended, never both. */
  const claim = (tx: Tx, row: SignInTable, status: 'completed' | 'failed' | 'expired'): Promise<boolean> =>
    changeWhile(tx, row, 'needs_choice', { status });

  /** The provider is told, whether the credential it was for is still there or not. */
  const discard = async (row: SignInTable, status: 'failed' | 'expired', why: string): Promise<boolean> => {
    const isMine = await store.transaction(async (tx) => {
      if (!(await claim(tx, row, status))) return false;
      const parked = await sealedGrantOf(tx, vault, row);
      if (parked) await revoker.noteTokens(tx, credentialOfSignIn(row), parked);
      await endSignIn(tx, row, status, why);
      return true;
    });
    revoker.kick();
    return isMine;
  };

  const nameFor = async (tx: Tx, like: CredentialTable, wanted: string | undefined): Promise<string> => {
    if (wanted === undefined) return freeName(tx, like, like.name, 2);
    if (await isNameFree(tx, like, wanted)) return wanted;
    throw new AppError('CONFLICT', 'credentialsName: you have a credential of this name.');
  };

  const add = async (
    tx: Tx,
    row: SignInTable,
    like: CredentialTable,
    { parked, wanted, by }: { parked: ParkedGrant; wanted: string | undefined; by: Caller },
  ): Promise<Pick<CredentialTable, 'id' | 'name'>> => {
    const [id, name] = [newUuid(), await nameFor(tx, like, wanted)];
    const { login = {}, grant } = parked;
    await insertCredential(tx, vault, {
      ...{ id, tenantId: like.tenant_id, ownerId: like.owner_id, sourceId: like.source_id },
      ...{ name, separated: true, connectionId: null, signIn: row.sign_in },
      ...{ destination: row.destination, secrets: { login, grant }, at: store.clock.iso(), by },
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
    return { id, name };
  };

  /** The new grant is for what its sign-in was begun for, which its connection may no longer point at. */
  const replace = async (
    tx: Tx,
    row: SignInTable,
    { login = {}, grant }: ParkedGrant,
    by: Caller,
  ): Promise<void> => {
    const credential = await credentialOf(tx, row);
    if (!credential) throw credentialGone();
    assertReaches(by, credential);
    const { sign_in: signIn, destination } = row;
    const fresh = { signIn, destination, secrets: { login, grant }, at: store.clock.iso(), by };
    await replaceCredential(tx, vault, credential, fresh);
  };

  return {
    async park(row, parked, { account, intentId }) {
      return store.transaction(async (tx) => {
        if (!(await credentialOf(tx, row))) return false;
        const waiting = await tx
          .updateTable('sign_in')
          .set({
            status: 'needs_choice',
            credential_id: row.credential_id,
            account_issuer: account?.issuer ?? null,
            account_subject: account?.subject ?? null,
            account_email: account?.email ?? null,
            expires_at: store.clock.iso(signInMinutes * 60_000),
          })
          .where('id', '=', row.id)
          .where('tenant_id', '=', row.tenant_id)
          .where('user_id', '=', row.user_id)
          // One that was ended meanwhile keeps nothing.
          .where('status', 'in', ['pending', 'redeeming'])
          .executeTakeFirst();
        if (waiting.numUpdatedRows !== 1n) return false;
        await sealField(tx, vault, row, 'grant', new Secret(revealedJson(parked)));
        await dropIntent(tx, row, intentId);
        return true;
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
        if (!(await discard(row, 'failed', 'cancelled'))) throw chosenMeanwhile();
        return undefined;
      }
      const [credential, parked] = [await credentialOf(store.db, row), await open(store.db, row)];
      if (!credential || !parked) throw credentialGone();
      assertReaches(caller, credential);
      if (choice === 'add' && credential.connection_id !== null) {
        throw new AppError(
          'DCERROR-0010',
          'choice: a connection has one embedded credential; replace it or cancel.',
        );
      }
      return store.transaction(async (tx) => {
        if (!(await claim(tx, row, 'completed'))) throw chosenMeanwhile();
        const isNew = choice === 'add';
        const added = { parked, wanted: credentialsName, by: caller };
        const kept = isNew ? await add(tx, row, credential, added) : credential;
        if (choice === 'replace') await replace(tx, row, parked, caller);
        const { id, name } = kept;
        await recordCredential(tx, isNew ? 'created' : 'updated', { ...credential, id, name }, caller);
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
      await eachByItself(rows, (row) => discard(row, 'expired', 'not chosen'));
    },
  };
}
