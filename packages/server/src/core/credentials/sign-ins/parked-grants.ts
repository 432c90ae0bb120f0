import { revealedJson, Secret } from '@mooring/connectors/interface/secret';
import type { Caller } from '../../access/caller.js';
import { record, recordCredential } from '../../audit/record.js';
import { newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { eachByItself } from '../../store/batches.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { CredentialDependencies } from '../dependencies.js';
import type { GrantAccount } from '../grants/grant-account.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import type { Revoker } from '../grants/revoker.js';
import { insertCredential, replaceCredential } from '../records/credential-records.js';
import { linkCredential } from '../records/links.js';
import { assertReaches } from '../records/reach.js';
import { freeName, isNameFree } from '../records/separated-credentials.js';
import { openedParked, type ParkedGrant, sealedGrantOf } from './sealed-grants.js';
import { changeWhile, dropIntent, endSignIn, findSignIn, openField, sealField } from './sign-in-store.js';

// A grant of an account that is not known to be the one a credential had. It has no owner until the user who began the
// sign-in chooses; if they do not, it is revoked at the provider when the sign-in expires.

interface ParkedGrantDependencies extends Pick<CredentialDependencies, 'store' | 'vault'> {
  revoker: Pick<Revoker, 'queueRevocation' | 'kick'>;
  /** How long a choice stays open. */
  signInMinutes: number;
}

export type ParkedGrants = ReturnType<typeof createParkedGrants>;

export const createParkedGrants = (deps: ParkedGrantDependencies) => ({
  /**
   * @param row with the credential that the grant would have been for
   * @returns false if that was deleted, or the sign-in ended, since; nothing is kept then
   */
  park: (
    row: SignInTable,
    parked: ParkedGrant,
    facts: { account: GrantAccount | undefined; intentId: string },
  ) => parkGrant(deps, row, parked, facts),

  /**
   * Does with a parked grant what its user chose.
   * @throws AppError NOT-FOUND for a sign-in that is not the caller's, SIGN-IN-INVALID for one without a choice
   */
  choose: (caller: Caller, signInId: string, choice: AccountChoice) =>
    chooseAccount(deps, caller, signInId, choice),

  /** Revokes those whose choice was not made in time. */
  async expire(): Promise<void> {
    const { store } = deps;
    const rows = await store.db
      .selectFrom('sign_in')
      .selectAll()
      .where('status', '=', 'needs_choice')
      .where('expires_at', '<=', store.clock.iso())
      .limit(100)
      .execute();
    await eachByItself(rows, (row) => discardParked(deps, row, 'expired', 'not chosen'));
  },
});

/** The credential that a sign-in was to renew has been deleted. */
export const credentialGone = () =>
  new AppError('SIGN-IN-INVALID', 'The credential of this sign-in is gone. Begin again.');

/** The credential that a sign-in is for. */
const credentialOf = (db: Queryable, row: SignInTable): Promise<CredentialTable | undefined> =>
  db
    .selectFrom('credential')
    .selectAll()
    .where('id', '=', row.credential_id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.user_id)
    .executeTakeFirst();

/** Choosing and discarding claim the sign-in first: a grant is kept or revoked, never both. */
const claimChoice = (
  tx: Tx,
  row: SignInTable,
  status: 'completed' | 'failed' | 'expired',
): Promise<boolean> => changeWhile(tx, row, 'needs_choice', { status });

/** See `ParkedGrants.park`. */
const parkGrant = (
  { store, vault, signInMinutes }: ParkedGrantDependencies,
  row: SignInTable,
  parked: ParkedGrant,
  { account, intentId }: { account: GrantAccount | undefined; intentId: string },
): Promise<boolean> =>
  store.transaction(async (tx) => {
    if (!(await credentialOf(tx, row))) return false;
    const waiting = {
      status: 'needs_choice',
      credential_id: row.credential_id,
      account_issuer: account?.issuer ?? null,
      account_subject: account?.subject ?? null,
      account_email: account?.email ?? null,
      expires_at: store.clock.iso(signInMinutes * 60_000),
    } as const;
    // One that has ended since keeps nothing.
    if (!(await changeWhile(tx, row, ['pending', 'redeeming'], waiting))) return false;
    await sealField(tx, vault, row, ['grant', new Secret(revealedJson(parked))]);
    await dropIntent(tx, row, intentId);
    return true;
  });

/**
 * Ends the sign-in and queues its grant for revocation, whether the credential it was for still exists or not.
 * @returns false if another request chose, or discarded it, meanwhile
 */
async function discardParked(
  { store, vault, revoker }: ParkedGrantDependencies,
  row: SignInTable,
  status: 'failed' | 'expired',
  why: string,
): Promise<boolean> {
  const isMine = await store.transaction(async (tx) => {
    if (!(await claimChoice(tx, row, status))) return false;
    const parked = await sealedGrantOf(tx, vault, row);
    if (parked) await revoker.queueRevocation(tx, credentialOfSignIn(row), parked);
    await endSignIn(tx, row, status, why);
    return true;
  });
  revoker.kick();
  return isMine;
}

export interface AccountChoice {
  choice: 'replace' | 'add' | 'cancel';
  /** Of a credential that is added. */
  credentialsName?: string | undefined;
}

const chosenMeanwhile = () =>
  new AppError('SIGN-IN-IN-PROGRESS', 'Another request has already chosen for this sign-in.');

/** See `ParkedGrants.choose`. */
async function chooseAccount(
  deps: ParkedGrantDependencies,
  caller: Caller,
  signInId: string,
  { choice, credentialsName }: AccountChoice,
): Promise<void> {
  const { store, vault } = deps;
  const { tenantId: tenant_id, userId: user_id } = caller;
  const row = await findSignIn(store.db, { id: signInId.toLowerCase(), tenant_id, user_id });
  if (!row) throw new AppError('NOT-FOUND', 'You have no sign-in with this id.');
  if (row.status !== 'needs_choice' || row.expires_at <= store.clock.iso()) {
    throw new AppError('SIGN-IN-INVALID', 'This sign-in has nothing to choose, or it has expired.');
  }
  if (choice === 'cancel') {
    if (!(await discardParked(deps, row, 'failed', 'cancelled'))) throw chosenMeanwhile();
    return;
  }
  const credential = await credentialOf(store.db, row);
  const sealed = await openField(store.db, vault, row, 'grant');
  if (!credential || !sealed) throw credentialGone();
  const parked = openedParked(sealed);
  assertReaches(caller, credential);
  if (choice === 'add' && credential.connection_id !== null) {
    throw new AppError(
      'DCERROR-0010',
      'choice: a connection has one embedded credential; replace it or cancel.',
    );
  }
  await store.transaction(async (tx) => {
    if (!(await claimChoice(tx, row, 'completed'))) throw chosenMeanwhile();
    const isNew = choice === 'add';
    const added = { like: credential, parked, wanted: credentialsName, by: caller };
    const kept = isNew ? await add(deps, tx, row, added) : credential;
    if (choice === 'replace') await replace(deps, tx, row, { parked, by: caller });
    await recordCredential(tx, isNew ? 'created' : 'updated', kept, caller);
    await endSignIn(tx, row, 'completed');
    await record(tx, { name: 'sign-in.completed', by: caller, resourceId: row.id, data: { choice } });
  });
}

async function nameFor(tx: Tx, like: CredentialTable, wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return freeName(tx, like, like.name, 2);
  if (await isNameFree(tx, like, wanted)) return wanted;
  throw new AppError('CONFLICT', 'credentialsName: you have a credential of this name.');
}

interface Added {
  like: CredentialTable;
  parked: ParkedGrant;
  wanted: string | undefined;
  by: Caller;
}

async function add(
  { store, vault }: ParkedGrantDependencies,
  tx: Tx,
  row: SignInTable,
  { like, parked, wanted, by }: Added,
): Promise<CredentialTable> {
  const name = await nameFor(tx, like, wanted);
  const { login = {}, grant } = parked;
  const added = await insertCredential(tx, vault, {
    ...{ id: newUuid(), tenantId: like.tenant_id, ownerId: like.owner_id, sourceId: like.source_id },
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
  if (connection) {
    const link = { userId: row.user_id, credentialId: added.id, at: store.clock.iso() };
    await linkCredential(tx, connection, link);
  }
  return added;
}

/** The new grant is for what its sign-in was begun for; its connection may point elsewhere since. */
async function replace(
  { store, vault }: ParkedGrantDependencies,
  tx: Tx,
  row: SignInTable,
  { parked: { login = {}, grant }, by }: Pick<Added, 'parked' | 'by'>,
): Promise<void> {
  const credential = await credentialOf(tx, row);
  if (!credential) throw credentialGone();
  assertReaches(by, credential);
  const { sign_in: signIn, destination } = row;
  const fresh = { signIn, destination, secrets: { login, grant }, at: store.clock.iso(), by };
  await replaceCredential(tx, vault, credential, fresh);
}
