import { isDeepStrictEqual } from 'node:util';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { type ConnectionSecrets, withDefaults } from '@mooring/connectors/kit/properties';
import type { ConnectionProperties } from '@mooring/connectors/qlik/separated';
import type { Caller } from '../../../core/access/caller.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import {
  assertKeptParts,
  assertNameFree,
  type EnteredCredential,
  filledUp,
  linkCredential,
  ownSeparatedCredential,
  separateCredential,
  unlinkCredentials,
} from '../../../core/credentials/records.js';
import { linkAndConfirm, resolveCredential } from '../../../core/credentials/resolve.js';
import { invalidField } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import type { ConnectionUpdate } from './connection-rights.js';

/** What an update of a connection does to credentials. */
export interface CredentialStep {
  entered?: EnteredCredential;
  selected?: CredentialTable;
  /** The caller's credential that new secrets replace. */
  replaced?: CredentialTable | undefined;
  /** Where parts of it are kept: the version of the sealed login that they were read from. */
  versionRead?: number | undefined;
}

/** An update whose properties are split and checked; nothing is written yet. */
export interface PendingUpdate {
  caller: Caller;
  /** The connection as it was read. */
  row: ConnectionTable;
  manifest: SourceManifest;
  split: ConnectionProperties;
  destination: string;
  update: ConnectionUpdate;
  /** Secrets of the connection that are kept beside those of the request. */
  keptSecrets: ConnectionSecrets;
  /** An administrator of the space takes over the connection of an owner who has left. */
  isTakeOver: boolean;
}

/** Two connect statements with the same meaning count as equal. */
const isSame = (
  manifest: SourceManifest,
  row: ConnectionTable,
  { definition }: ConnectionProperties,
): boolean => isDeepStrictEqual(withDefaults(manifest, setDefinition(manifest, row)), definition);

/** Neither the former nor the new sign-in method needs a login, so no secret can be sent and none is lost. */
function isWithoutLogin(
  { signIns }: SourceManifest,
  { signIn }: ConnectionProperties,
  current: CredentialTable | undefined,
): boolean {
  const before = current && signIns.find(({ id }) => id === current.sign_in);
  return needsNoLogin(signIn) && (!current || (before !== undefined && needsNoLogin(before)));
}

/** A credential is named only together with its secrets. */
export const namesNothing = () =>
  invalidField(
    'connectionProperties.credentialsName',
    'names a credential, and the request holds no secrets for it. Send them too, or choose an existing one with selectedCredentials',
  );

/** Validates everything about credentials, before an authorization code is spent or a row is written. */
export async function prepareCredential(
  { store, vault, credentialEntry, quotas }: ConnectionDependencies,
  { caller, row, manifest, split, destination, update, keptSecrets }: PendingUpdate,
): Promise<CredentialStep> {
  const { separateCredentials: isSeparated, credentialsName: name } = split.choice;
  const wasSeparated = row.separated === 1;
  const separates = isSeparated && !wasSeparated;
  const selectedId = update.credentialId ?? split.choice.selectedCredentials;
  const { credential: current, state } = await resolveCredential(store.db, caller, row);
  const isRestated = update.isRestated === true && current !== undefined && !isSame(manifest, row, split);
  const isAimed = !isSeparated && (wasSeparated || destination !== row.destination || isRestated);
  const hasNew = credentialEntry.isPresent(split) || (isAimed && isWithoutLogin(manifest, split, current));
  const selects = selectedId && (wasSeparated || current?.id !== selectedId);
  if (!isSeparated) {
    if (selects)
      throw invalidField('qCredentialsID', 'cannot be chosen on a connection with an embedded credential');
    if (isAimed && !hasNew)
      throw invalidField(
        'connectionProperties',
        'the credential must be sent with this change, because it decides where the credential goes',
      );
  } else if (selectedId && hasNew && current?.id !== selectedId) {
    throw invalidField('qCredentialsID', 'and new secrets cannot both be given');
  } else if (selects && !hasNew) {
    return { selected: await ownSeparatedCredential(store.db, caller, manifest, selectedId) };
  }
  const isTheirs = current?.owner_id === caller.userId;
  if (separates && isTheirs) {
    if (name !== undefined) await assertNameFree(store.db, caller, name);
    await quotas.assertCredential(caller);
  }
  if (!hasNew) {
    const hasSecrets = Object.keys(split.connectionSecrets).length > 0;
    if (name !== undefined && !separates && !hasSecrets) throw namesNothing();
    return {};
  }
  const mayReplace = wasSeparated === isSeparated || separates;
  const isNamed = name === undefined || name === current?.name || separates;
  const replaced = current && isTheirs && mayReplace && isNamed ? current : undefined;
  if (isSeparated && !replaced) await assertNameFree(store.db, caller, name ?? update.name ?? row.name);
  // Kept parts of a login are used only at destinations that their user has allowed.
  const isAllowedThere = destination === row.destination && state !== 'needs_confirmation';
  const filled = await filledUp(store.db, vault, caller, {
    manifest,
    split,
    replaced: isAllowedThere ? replaced : undefined,
  });
  const entered = await credentialEntry.complete({
    caller,
    manifest,
    split: filled.split,
    connectionSecrets: { ...keptSecrets, ...split.connectionSecrets },
    destination,
    connection: { id: row.id, name: row.name },
    ...(replaced ? { replaces: replaced } : {}),
  });
  return { entered, replaced, versionRead: filled.versionRead };
}

export interface NewCredential {
  caller: Caller;
  manifest: SourceManifest;
  signIn: string;
  name: string;
  entered: EnteredCredential;
}

/** Stores a credential for the connection: embedded, or separated and linked to it. */
export async function storeCredential(
  tx: Tx,
  { credentialEntry }: ConnectionDependencies,
  connection: ConnectionTable,
  { entered, ...about }: NewCredential,
): Promise<void> {
  const { id: connectionId, destination, updated_at: at } = connection;
  const isSeparated = connection.separated === 1;
  const target = { ...about, destination, ...(isSeparated ? {} : { connectionId }) };
  const credentialId = await credentialEntry.store(tx, target, entered);
  if (isSeparated) await linkCredential(tx, connection, { userId: about.caller.userId, credentialId, at });
}

/**
 * Applies the step in the transaction that stores the connection. An embedded credential that becomes separated stays
 * with the user who entered it, linked to the connection for them.
 * @param applied `next`: the connection as it is stored; `embedded`: of the connection as it was
 */
export async function applyCredential(
  tx: Tx,
  deps: ConnectionDependencies,
  { caller, manifest, split, update, row }: PendingUpdate,
  {
    step,
    next,
    embedded,
  }: { step: CredentialStep; next: ConnectionTable; embedded?: CredentialTable | undefined },
): Promise<void> {
  const { credentialEntry, revoker } = deps;
  const { entered, selected } = step;
  const at = next.updated_at;
  const isSeparated = next.separated === 1;
  let { replaced } = step;
  if (embedded && isSeparated) {
    const isOthersLogin = entered && embedded.owner_id !== caller.userId;
    const wanted = isOthersLogin ? undefined : split.choice.credentialsName;
    const own = await separateCredential(tx, embedded, wanted ?? embedded.name, { by: caller, at });
    await linkCredential(tx, next, { userId: own.owner_id, credentialId: own.id, at });
    if (replaced) replaced = own;
  } else if (embedded && entered && !replaced) {
    const { tenant_id: tenantId, owner_id: userId, id: credentialId } = embedded;
    await revoker.end(tx, { tenantId, userId, credentialId }, { connection: row, by: caller });
  }
  if (!isSeparated) await unlinkCredentials(tx, next);
  if (update.credentialId === null) await unlinkCredentials(tx, next, caller.userId);
  if (selected)
    await linkAndConfirm(tx, caller, { manifest, connection: next, credentialId: selected.id, at });
  if (!entered) return;
  const signIn = split.signIn.id;
  const name = split.choice.credentialsName ?? next.name;
  if (!replaced) return storeCredential(tx, deps, next, { caller, manifest, signIn, name, entered });
  await assertKeptParts(tx, replaced, step.versionRead);
  await credentialEntry.replace(tx, replaced, { signIn, destination: next.destination, caller }, entered);
}
