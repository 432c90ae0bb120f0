import type { Caller } from '../../access/caller.js';
import { record, recordCredential } from '../../audit/record.js';
import { newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import { insertCredential, replaceCredential } from '../records/credential-records.js';
import { linkCredential } from '../records/links.js';
import { assertReaches } from '../records/reach.js';
import { freeName, isNameFree } from '../records/separated-credentials.js';
import {
  claimChoice,
  credentialGone,
  credentialOf,
  discardParked,
  type ParkedGrantDependencies,
} from './park-grant.js';
import { openedParked, type ParkedGrant } from './sealed-grants.js';
import { endSignIn, openField } from './sign-in-store.js';

export type AccountChoice = 'replace' | 'add' | 'cancel';

interface Chosen {
  signInId: string;
  choice: AccountChoice;
  /** Of a credential that is added. */
  credentialsName: string | undefined;
}

type Dependencies = Pick<ParkedGrantDependencies, 'store' | 'vault' | 'revoker'>;

const chosenMeanwhile = () =>
  new AppError('SIGN-IN-IN-PROGRESS', 'Another request has already chosen for this sign-in.');

/** See `ParkedGrants.choose`. */
export async function chooseAccount(
  deps: Dependencies,
  caller: Caller,
  { signInId, choice, credentialsName }: Chosen,
): Promise<CredentialTable['id'] | undefined> {
  const { store, vault } = deps;
  const row = await store.db
    .selectFrom('sign_in')
    .selectAll()
    .where('id', '=', signInId.toLowerCase())
    .where('tenant_id', '=', caller.tenantId)
    .where('user_id', '=', caller.userId)
    .executeTakeFirst();
  if (!row) throw new AppError('NOT-FOUND', 'You have no sign-in with this id.');
  if (row.status !== 'needs_choice' || row.expires_at <= store.clock.iso()) {
    throw new AppError('SIGN-IN-INVALID', 'This sign-in has nothing to choose, or it has expired.');
  }
  if (choice === 'cancel') {
    if (!(await discardParked(deps, row, 'failed', 'cancelled'))) throw chosenMeanwhile();
    return undefined;
  }
  const [credential, parked] = [await credentialOf(store.db, row), await open(store.db, vault, row)];
  if (!credential || !parked) throw credentialGone();
  assertReaches(caller, credential);
  if (choice === 'add' && credential.connection_id !== null) {
    throw new AppError(
      'DCERROR-0010',
      'choice: a connection has one embedded credential; replace it or cancel.',
    );
  }
  return store.transaction(async (tx) => {
    if (!(await claimChoice(tx, row, 'completed'))) throw chosenMeanwhile();
    const isNew = choice === 'add';
    const added = { like: credential, parked, wanted: credentialsName, by: caller };
    const kept = isNew ? await add(deps, tx, row, added) : credential;
    if (choice === 'replace') await replace(deps, tx, row, { parked, by: caller });
    const { id, name } = kept;
    await recordCredential(tx, isNew ? 'created' : 'updated', { ...credential, id, name }, caller);
    await endSignIn(tx, row, 'completed');
    await record(tx, { name: 'sign-in.completed', by: caller, resourceId: row.id, data: { choice } });
    return id;
  });
}

/** @throws UnreadableError */
async function open(db: Queryable, vault: Vault, row: SignInTable): Promise<ParkedGrant | undefined> {
  const text = await openField(db, vault, row, 'grant');
  return text === undefined ? undefined : openedParked(text);
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
  { store, vault }: Dependencies,
  tx: Tx,
  row: SignInTable,
  { like, parked, wanted, by }: Added,
): Promise<Pick<CredentialTable, 'id' | 'name'>> {
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
  if (connection) {
    const link = { userId: row.user_id, credentialId: id, at: store.clock.iso() };
    await linkCredential(tx, connection, link);
  }
  return { id, name };
}

/** The new grant is for what its sign-in was begun for; its connection may point elsewhere since. */
async function replace(
  { store, vault }: Dependencies,
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
