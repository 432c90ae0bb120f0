import { needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { destinationOf } from '@mooring/connectors/kit/properties';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import { recordConnection } from '../../../core/audit/record.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import {
  assertReachesKept,
  insertConnectionSecrets,
  type KeptLogin,
  keptLogin,
  openConnectionSecretsOrNone,
  openConnectionSecretsOrRefuse,
  ownerOfConnectionSecrets,
  secretsEnteredBy,
  shredConnectionSecrets,
  storeEntered,
  suspensionAfter,
} from '../../../core/credentials/records.js';
import { AppError, InvalidRequest, invalidField } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Tx } from '../../../core/store/queryable.js';
import { ifTaken } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { assertMayUpdate, type ConnectionUpdate, placeAfter } from './connection-rights.js';
import { nameColumns, nameTaken, replaceConnection, scopeOf } from './connection-rows.js';
import {
  applyCredential,
  type CredentialStep,
  type PendingUpdate,
  prepareCredential,
} from './credential-step.js';
import { assertDefinition } from './definition-rules.js';
import { propertiesOf } from './stated-properties.js';

/** @throws InvalidRequest when a secret of the connection would go to another destination without being sent again */
function assertSecretsSent({ row, split, destination }: PendingUpdate, stored: object): void {
  const missing = Object.keys(stored).filter((name) => !(name in split.connectionSecrets));
  if (destination === row.destination || missing.length === 0) return;
  throw new InvalidRequest(
    missing.map((name) => ({
      field: `connectionProperties.${name}`,
      message: 'must be sent again with this change, because it decides where the secret goes',
    })),
  );
}

/**
 * An update of properties, space or owner reuses the parts of the login that it does not enter again.
 * @throws AppError ACCESS-DENIED when such a part is out of the caller's reach
 */
function assertReachesLogin(
  { caller, row, split, update, keptSecrets }: PendingUpdate,
  { credential, secretsOwnerId }: KeptLogin,
  isEntered: boolean,
): void {
  const { properties, spaceId, ownerId } = update;
  if (properties === undefined && spaceId === undefined && ownerId === undefined) return;
  const { connectionSecrets: sent } = split;
  const areSent = Object.keys(sent).length > 0 && Object.keys(keptSecrets).every((name) => name in sent);
  assertReachesKept(caller, row, {
    credential: isEntered ? undefined : credential,
    secretsOwnerId: areSent ? undefined : secretsOwnerId,
  });
}

/** The request that takes over the connection of an owner who has left: it asks for nothing else. */
async function takesOver(
  { store }: ConnectionDependencies,
  caller: Caller,
  { row, privileges }: AccessibleConnection,
  { ownerId, properties, credentialId, ...more }: ConnectionUpdate,
): Promise<boolean> {
  if (privileges.includes('change_owner')) return false;
  const isOnlyThat = ownerId === caller.userId && properties !== undefined && credentialId === undefined;
  return isOnlyThat && Object.keys(more).length === 0 && (await mayTakeOver(store.db, caller, row));
}

/** @throws InvalidRequest */
async function pendingUpdate(
  { store, vault, catalogue }: ConnectionDependencies,
  caller: Caller,
  row: ConnectionTable,
  { update, isTakeOver }: Pick<PendingUpdate, 'update' | 'isTakeOver'>,
): Promise<PendingUpdate> {
  const manifest = catalogue.get(row.source_id);
  const given = update.properties ?? propertiesOf(manifest, row);
  const stored = await openConnectionSecretsOrNone(store.db, vault, row);
  const first = splitProperties(manifest, given, Object.keys(stored));
  const isTheirs = (await ownerOfConnectionSecrets(store.db, row)) === caller.userId;
  // Secrets of two users are never mixed.
  const keptSecrets = isTheirs || Object.keys(first.connectionSecrets).length === 0 ? stored : {};
  const split = keptSecrets === stored ? first : splitProperties(manifest, given);
  if (update.properties) assertDefinition(manifest, split.definition, definitionOf(row));
  const destination = destinationOf(manifest, split.definition);
  const pending = { caller, row, manifest, split, destination, update, keptSecrets, isTakeOver };
  assertSecretsSent(pending, stored);
  return pending;
}

function nextRow({ row, manifest, split, destination, update }: PendingUpdate, at: string): ConnectionTable {
  const place = placeAfter(row, update);
  return {
    ...row,
    ...nameColumns(update.name ?? row.name),
    ...place,
    scope: scopeOf(place.owner_id, place.space_id),
    tags: update.tags ? JSON.stringify(update.tags) : row.tags,
    properties: JSON.stringify(split.definition),
    set_names: JSON.stringify(split.set),
    separated: split.choice.separateCredentials ? 1 : 0,
    destination,
    qri: qriOf(manifest, split.definition),
    version: row.version + 1,
    updated_at: at,
  };
}

/**
 * The users who entered the login as it is after the update.
 * @throws AppError ACCESS-DENIED, InvalidRequest when a caller who takes the connection over does not enter all of it
 */
function giversAfter(
  { caller, split, isTakeOver }: PendingUpdate,
  next: ConnectionTable,
  kept: KeptLogin,
  isEntered: boolean,
): string[] {
  if (isTakeOver && kept.credential)
    throw new AppError(
      'ACCESS-DENIED',
      'user: a user who is still active entered the login of this connection.',
    );
  const hasEmbedded = next.separated === 0 && !needsNoLogin(split.signIn);
  const givers = [
    hasEmbedded ? (isEntered ? caller.userId : kept.credential?.owner_id) : undefined,
    Object.keys(split.connectionSecrets).length > 0 ? caller.userId : kept.secretsOwnerId,
  ].filter((id) => id !== undefined);
  if (isTakeOver && !(isEntered && givers.every((giver) => giver === caller.userId)))
    throw invalidField(
      'connectionProperties',
      'must hold the whole login: enter all its secrets again to take the connection over',
    );
  return givers;
}

async function apply(
  tx: Tx,
  deps: ConnectionDependencies,
  pending: PendingUpdate,
  step: CredentialStep,
): Promise<void> {
  const { caller, row, split, keptSecrets } = pending;
  const at = deps.store.clock.iso();
  const moved = nextRow(pending, at);
  const kept = await keptLogin(tx, row);
  const isEntered = step.entered !== undefined;
  assertReachesLogin(pending, kept, isEntered);
  const givers = giversAfter(pending, moved, kept, isEntered);
  const givesSecrets = Object.keys(split.connectionSecrets).length > 0;
  const move = { from: row, to: moved, givers, by: caller.userId, at, isEntered: isEntered || givesSecrets };
  const next = {
    ...moved,
    ...suspensionAfter(move),
    ...(givesSecrets ? secretsEnteredBy(caller, at) : {}),
  };
  if (!(await replaceConnection(tx, row, next)))
    throw new AppError(
      'CONFLICT',
      'The connection has been changed by another request since. Read it again and repeat the change.',
    );
  if (givesSecrets) {
    await shredConnectionSecrets(tx, row.tenant_id, row.id);
    const secrets = { ...keptSecrets, ...split.connectionSecrets };
    await insertConnectionSecrets(tx, deps.vault, { connection: row, ownerId: caller.userId }, secrets);
  }
  await applyCredential(tx, deps, pending, { step, next, embedded: kept.credential });
  await recordConnection(tx, 'updated', caller, next);
}

/** @throws InvalidRequest; AppError NOT-FOUND, ACCESS-DENIED, CONFLICT, PRECONDITION-FAILED */
export async function updateConnection(
  deps: ConnectionDependencies,
  { caller, revision }: RevisedBy<'connection'>,
  found: AccessibleConnection,
  update: ConnectionUpdate,
): Promise<void> {
  const { store, vault, credentialEntry } = deps;
  const { row } = found;
  const isTakeOver = await takesOver(deps, caller, found, update);
  if (!isTakeOver) await assertMayUpdate(store, caller, found, update);
  const pending = await pendingUpdate(deps, caller, row, { update, isTakeOver });
  const { split, keptSecrets } = pending;
  const isEntered = credentialEntry.isPresent(split);
  // Checked before an authorization code is spent, and again in the transaction.
  assertReachesLogin(pending, await keptLogin(store.db, row), isEntered);
  // The exchange of a code, or a client's own sign-in, uses the kept secrets.
  if (isEntered && split.signIn.oauth && Object.keys(keptSecrets).length > 0)
    await openConnectionSecretsOrRefuse(store.db, vault, caller, row);
  // A rollback does not restore an authorization code that was exchanged.
  await revision.check(store.db);
  const step = await prepareCredential(deps, pending);
  await storeEntered(store, step.entered, async (tx) => {
    await revision.check(tx);
    await apply(tx, deps, pending, step);
  }).catch(ifTaken(nameTaken));
}
