import { isDeepStrictEqual } from 'node:util';
import { needsNoLogin } from '@mooring/connectors/kit/login-parts';
import {
  type ConnectionSecrets,
  type SplitProperties,
  withDefaults,
} from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
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
import { InvalidRequest } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import type { ConnectionUpdate } from './connection-update.js';

/** What an update of a connection does to credentials. */
export interface CredentialStep {
  brought?: EnteredCredential;
  selected?: CredentialTable;
  /** The caller's credential that new secrets replace. */
  replaced?: CredentialTable;
  /** Where parts of it are kept: the version of the sealed login that they were read from. */
  versionRead?: number;
}

/** An update whose properties are split and checked; nothing is written yet. */
export interface PendingUpdate {
  caller: Caller;
  /** The connection as it was read. */
  row: ConnectionTable;
  manifest: SourceManifest;
  split: SplitProperties;
  destination: string;
  update: ConnectionUpdate;
  /** Secrets of the connection that are kept beside those of the request. */
  keptSecrets: ConnectionSecrets;
}

/** Two connect statements with the same meaning count as equal. */
const isSame = (manifest: SourceManifest, row: ConnectionTable, { definition }: SplitProperties): boolean =>
  isDeepStrictEqual(withDefaults(manifest, setDefinition(manifest, row)), definition);

/** Neither the former nor the new sign-in method needs a login, so no secret can be sent and none is lost. */
function isWithoutLogin(
  { signIns }: SourceManifest,
  { signIn }: SplitProperties,
  current: CredentialTable | undefined,
): boolean {
  const before = current && signIns.find(({ id }) => id === current.sign_in);
  return needsNoLogin(signIn) && (!current || (before !== undefined && needsNoLogin(before)));
}

const invalid = (field: string, message: string) => new InvalidRequest([{ field, message }]);

/** A credential is named only together with its secrets. */
export const namesNothing = (): InvalidRequest =>
  invalid(
    'connectionProperties.credentialsName',
    'names a credential, and the request holds no secrets for it. Send them too, or choose an existing one with selectedCredentials',
  );

/** Refuses all that can be refused about credentials, before an authorization code is spent or a row is written. */
export async function prepareCredential(
  { store, vault, credentialEntry, quotas }: ConnectionDependencies,
  { caller, row, manifest, split, destination, update, keptSecrets }: PendingUpdate,
): Promise<CredentialStep> {
  const isSeparated = split.choice.separateCredentials;
  const wasSeparated = row.separated === 1;
  const selectedId = update.credentialId ?? split.choice.selectedCredentials;
  const resolution = await resolveCredential(store.db, caller, row);
  const current = resolution.credential;
  const isRestated = update.isRestated === true && current !== undefined && !isSame(manifest, row, split);
  const isAimed = !isSeparated && (wasSeparated || destination !== row.destination || isRestated);
  const hasNew = credentialEntry.isPresent(split) || (isAimed && isWithoutLogin(manifest, split, current));
  const isTheirs = current?.owner_id === caller.userId;
  const name = split.choice.credentialsName;
  if (!isSeparated) {
    if (selectedId && (wasSeparated || current?.id !== selectedId))
      throw invalid('qCredentialsID', 'cannot be chosen on a connection with an embedded credential');
    if (isAimed && !hasNew) {
      throw invalid(
        'connectionProperties',
        'the credential must be sent with this change, because it decides where the credential goes',
      );
    }
  } else if (selectedId && hasNew && current?.id !== selectedId) {
    throw invalid('qCredentialsID', 'and new secrets cannot both be given');
  } else if (selectedId && !hasNew && (wasSeparated || current?.id !== selectedId)) {
    return { selected: await ownSeparatedCredential(store.db, caller, manifest, selectedId) };
  }
  const separates = isSeparated && !wasSeparated;
  if (separates && isTheirs) {
    if (name !== undefined) await assertNameFree(store.db, caller, name);
    await quotas.assertCredential(caller);
  }
  if (!hasNew) {
    const isNamed = name !== undefined && !separates;
    if (isNamed && Object.keys(split.connectionSecrets).length === 0) throw namesNothing();
    return {};
  }
  const mayReplace = wasSeparated === isSeparated || separates;
  const isNamed = name === undefined || name === current?.name || separates;
  const replaced = current && isTheirs && mayReplace && isNamed ? current : undefined;
  if (isSeparated && !replaced) await assertNameFree(store.db, caller, name ?? update.name ?? row.name);
  // The kept parts of a login are sent only where their user has allowed it.
  const isAllowedThere = destination === row.destination && resolution.state !== 'needs_confirmation';
  const filled = await filledUp(store.db, vault, caller, {
    manifest,
    split,
    replaced: isAllowedThere ? replaced : undefined,
  });
  const brought = await credentialEntry.complete({
    caller,
    manifest,
    split: filled.split,
    connectionSecrets: { ...keptSecrets, ...split.connectionSecrets },
    destination,
    connection: { id: row.id, name: row.name },
    ...(replaced ? { replaces: replaced } : {}),
  });
  const { versionRead } = filled;
  return {
    brought,
    ...(replaced ? { replaced } : {}),
    ...(versionRead === undefined ? {} : { versionRead }),
  };
}

interface AppliedStep {
  /** The connection as it is stored. */
  next: ConnectionTable;
  /** Of the connection as it was. */
  embedded: CredentialTable | undefined;
  step: CredentialStep;
}

/**
 * The embedded credential of a connection that becomes separated stays with the user who entered it, linked to the
 * connection for them.
 */
async function separate(
  tx: Tx,
  { caller, split }: PendingUpdate,
  embedded: CredentialTable,
  { next, step }: AppliedStep,
): Promise<CredentialTable> {
  const isOthersLogin = step.brought && embedded.owner_id !== caller.userId;
  const wanted = isOthersLogin ? undefined : split.choice.credentialsName;
  const at = next.updated_at;
  const own = await separateCredential(tx, embedded, wanted ?? embedded.name, { by: caller, at });
  await linkCredential(tx, next, { userId: own.owner_id, credentialId: own.id, at });
  return own;
}

/** In the transaction that stores the connection. */
export async function applyCredential(
  tx: Tx,
  { credentialEntry, revoker }: ConnectionDependencies,
  pending: PendingUpdate,
  applied: AppliedStep,
): Promise<void> {
  const { caller, manifest, split, update, row } = pending;
  const { next, embedded, step } = applied;
  const at = next.updated_at;
  const isSeparated = next.separated === 1;
  let { replaced } = step;
  if (embedded && isSeparated) {
    const own = await separate(tx, pending, embedded, applied);
    if (replaced) replaced = own;
  } else if (embedded && step.brought && !replaced) {
    const { tenant_id: tenantId, owner_id: userId, id: credentialId } = embedded;
    await revoker.end(tx, { tenantId, userId, credentialId }, { connection: row, by: caller });
  }
  if (!isSeparated) await unlinkCredentials(tx, next);
  if (update.credentialId === null) await unlinkCredentials(tx, next, caller.userId);
  if (step.selected) {
    const chosen = { manifest, connection: next, credentialId: step.selected.id, at };
    await linkAndConfirm(tx, caller, chosen);
  }
  if (!step.brought) return;
  const target = { signIn: split.signIn.id, destination: next.destination, caller };
  if (replaced) await assertKeptParts(tx, replaced, step.versionRead);
  if (replaced) return credentialEntry.replace(tx, replaced, target, step.brought);
  const name = split.choice.credentialsName ?? next.name;
  const id = await credentialEntry.store(
    tx,
    { ...target, manifest, name, ...(isSeparated ? {} : { connectionId: next.id }) },
    step.brought,
  );
  if (isSeparated) await linkCredential(tx, next, { userId: caller.userId, credentialId: id, at });
}
