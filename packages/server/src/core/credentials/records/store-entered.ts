import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Caller } from '../../access/caller.js';
import { recordCredential } from '../../audit/record.js';
import { newUuid } from '../../crypto/random.js';
import type { Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import type { CredentialDependencies } from '../dependencies.js';
import { formerGrant } from '../grants/grant-account.js';
import { recordAwaitedAccount } from '../grants/grant-state.js';
import { storedOrAbandoned } from '../sign-ins/redeemed-sign-in.js';
import { insertCredential, replaceCredential } from './credential-records.js';
import type { EnteredCredential } from './entry-request.js';
import { loadSecret, openSecret } from './sealed-secrets.js';
import { assertNameFree } from './separated-credentials.js';

export interface StoreTarget {
  caller: Caller;
  manifest: SourceManifest;
  signIn: string;
  destination: string;
  name: string;
  /** Of an embedded credential. */
  connectionId?: string;
}

type Dependencies = Pick<CredentialDependencies, 'store' | 'vault'>;

/** See `CredentialEntry.store`. */
export async function insertEntered(
  { store: { clock }, vault }: Dependencies,
  tx: Tx,
  target: StoreTarget,
  entered: EnteredCredential,
): Promise<string> {
  const { caller, manifest, name, connectionId } = target;
  if (connectionId === undefined) await assertNameFree(tx, caller, name);
  const row = await insertCredential(tx, vault, {
    id: newUuid(),
    tenantId: caller.tenantId,
    ownerId: caller.userId,
    sourceId: manifest.id,
    name,
    separated: connectionId === undefined,
    connectionId: connectionId ?? null,
    signIn: target.signIn,
    destination: target.destination,
    secrets: entered.secrets,
    ...(entered.needsSignIn ? { state: 'needs_sign_in' as const } : {}),
    at: clock.iso(),
    by: caller,
  });
  const account = entered.needsSignIn?.account;
  if (account) await recordAwaitedAccount(tx, row, account, clock.iso());
  await recordCredential(tx, 'created', row, caller);
  await entered.redeemed?.complete(tx);
  return row.id;
}

/** See `CredentialEntry.replace`. */
export async function replaceEntered(
  { store: { clock }, vault }: Dependencies,
  tx: Tx,
  row: CredentialTable,
  fresh: Pick<StoreTarget, 'signIn' | 'destination' | 'caller'> & { entered: EnteredCredential },
): Promise<void> {
  const { signIn, destination, caller, entered } = fresh;
  const { secrets } = entered;
  await replaceCredential(tx, vault, row, { signIn, destination, by: caller, secrets, at: clock.iso() });
  await recordCredential(tx, 'updated', row, caller);
  await entered.redeemed?.complete(tx);
}

/** See `CredentialEntry.copyOwn`. */
export async function copyOwn(
  { store, vault }: Dependencies,
  caller: Caller,
  credential: CredentialTable | undefined,
): Promise<EnteredCredential | undefined> {
  if (!credential || credential.connection_id === null) return undefined;
  const owned = { id: credential.id, tenant_id: caller.tenantId, owner_id: caller.userId };
  const row = await loadSecret(store.db, owned, 'login');
  if (!row) return undefined;
  const secrets = { login: openSecret(vault, owned, row) };
  const former = await formerGrant(store.db, credential);
  return former ? { secrets, needsSignIn: { account: former.account } } : { secrets };
}

/** Runs the transaction that stores an entered credential; a grant that cannot be stored is revoked rather than lost. */
export const storeEntered = <Result>(
  store: Store,
  entered: EnteredCredential | undefined,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> => storedOrAbandoned(entered?.redeemed, () => store.transaction(work));
