import { needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { destinationOf } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { mayTakeOver } from '../../../core/access/owner-left.js';
import { recordConnection } from '../../../core/audit/record.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
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
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Tx } from '../../../core/store/queryable.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { nameColumns, nameTaken, replaceConnection, scopeOf } from './connection-rows.js';
import type { ConnectionUpdate } from './connection-update.js';
import {
  applyCredential,
  type CredentialStep,
  type PendingUpdate,
  prepareCredential,
} from './credential-step.js';
import { assertDefinitionSize, assertNoExposedSecret } from './definition-rules.js';
import { assertMayUpdate } from './update-rights.js';

/** What requests have set of the stored definition, in the form of a request; never a secret. */
export function propertiesOf(manifest: SourceManifest, row: ConnectionTable): Record<string, unknown> {
  const definition = setDefinition(manifest, row);
  return row.separated === 1 ? { ...definition, separateCredentials: true } : definition;
}

const changedMeanwhile = () =>
  new AppError(
    'CONFLICT',
    'The connection has been changed by another request since. Read it again and repeat the change.',
  );

const giverIsActive = () =>
  new AppError('ACCESS-DENIED', 'user: a user who is still active entered the login of this connection.');

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
 * The update puts to another use whatever part of its login the connection keeps.
 * @throws AppError ACCESS-DENIED when a part of that is out of the caller's reach
 */
function assertReachesLogin(
  { caller, row, split, update, keptSecrets }: PendingUpdate,
  { credential, secretsOwnerId }: KeptLogin,
  isBrought: boolean,
): void {
  const { properties, spaceId, ownerId } = update;
  if (properties === undefined && spaceId === undefined && ownerId === undefined) return;
  const { connectionSecrets: sent } = split;
  const areSent = Object.keys(sent).length > 0 && Object.keys(keptSecrets).every((name) => name in sent);
  assertReachesKept(caller, row, {
    credential: isBrought ? undefined : credential,
    secretsOwnerId: areSent ? undefined : secretsOwnerId,
  });
}

/** The request of an administrator of the space who takes over the connection of an owner who has left. */
async function takesOver(
  { store }: ConnectionDependencies,
  caller: Caller,
  row: ConnectionTable,
  update: ConnectionUpdate,
): Promise<boolean> {
  const { ownerId, properties, credentialId, ...more } = update;
  const isOnlyThat = ownerId === caller.userId && properties !== undefined && credentialId === undefined;
  return isOnlyThat && Object.keys(more).length === 0 && (await mayTakeOver(store.db, caller, row));
}

/** @throws InvalidRequest */
async function pendingUpdate(
  { store, vault, catalogue }: ConnectionDependencies,
  caller: Caller,
  row: ConnectionTable,
  update: ConnectionUpdate,
): Promise<PendingUpdate> {
  const manifest = catalogue.get(row.source_id);
  const given = update.properties ?? propertiesOf(manifest, row);
  const stored = await openConnectionSecretsOrNone(store.db, vault, row);
  const first = splitProperties(manifest, given, Object.keys(stored));
  const isTheirs = (await ownerOfConnectionSecrets(store.db, row)) === caller.userId;
  // Secrets of two users are never mixed.
  const keptSecrets = isTheirs || Object.keys(first.connectionSecrets).length === 0 ? stored : {};
  const split = keptSecrets === stored ? first : splitProperties(manifest, given);
  if (update.properties) {
    const before = definitionOf(row);
    assertDefinitionSize(manifest, split.definition, before);
    assertNoExposedSecret(manifest, split.definition, before);
  }
  const destination = destinationOf(manifest, split.definition);
  const pending = { caller, row, manifest, split, destination, update, keptSecrets };
  assertSecretsSent(pending, stored);
  return pending;
}

function nextRow({ row, manifest, split, destination, update }: PendingUpdate, at: string): ConnectionTable {
  const ownerId = update.ownerId ?? row.owner_id;
  const spaceId = update.spaceId === undefined ? row.space_id : update.spaceId;
  return {
    ...row,
    ...nameColumns(update.name ?? row.name),
    owner_id: ownerId,
    space_id: spaceId,
    scope: scopeOf(ownerId, spaceId),
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

interface Applied {
  step: CredentialStep;
  isTakeOver: boolean;
}

/**
 * The users who entered the login as it is after the update.
 * @throws AppError ACCESS-DENIED, InvalidRequest when a caller who takes the connection over does not enter all of it
 */
function giversAfter(
  { caller, split }: PendingUpdate,
  next: ConnectionTable,
  kept: KeptLogin,
  { step, isTakeOver }: Applied,
): string[] {
  if (isTakeOver && kept.credential) throw giverIsActive();
  const hasEmbedded = next.separated === 0 && !needsNoLogin(split.signIn);
  const givers = [
    hasEmbedded ? (step.brought ? caller.userId : kept.credential?.owner_id) : undefined,
    Object.keys(split.connectionSecrets).length > 0 ? caller.userId : kept.secretsOwnerId,
  ].filter((id) => id !== undefined);
  if (isTakeOver && !(step.brought && givers.every((giver) => giver === caller.userId))) {
    throw new InvalidRequest([
      {
        field: 'connectionProperties',
        message: 'must hold the whole login: enter all its secrets again to take the connection over',
      },
    ]);
  }
  return givers;
}

async function apply(
  tx: Tx,
  deps: ConnectionDependencies,
  pending: PendingUpdate,
  applied: Applied,
): Promise<void> {
  const { caller, row, split, keptSecrets } = pending;
  const { step } = applied;
  const moved = nextRow(pending, deps.store.clock.iso());
  const kept = await keptLogin(tx, row);
  assertReachesLogin(pending, kept, step.brought !== undefined);
  const givers = giversAfter(pending, moved, kept, applied);
  const givesSecrets = Object.keys(split.connectionSecrets).length > 0;
  const next = {
    ...moved,
    ...suspensionAfter({
      from: row,
      to: moved,
      givers,
      by: caller.userId,
      at: moved.updated_at,
      isEntered: step.brought !== undefined || givesSecrets,
    }),
    ...(givesSecrets ? secretsEnteredBy(caller, moved.updated_at) : {}),
  };
  if (!(await replaceConnection(tx, row, next))) throw changedMeanwhile();
  if (givesSecrets) {
    await shredConnectionSecrets(tx, row.tenant_id, row.id);
    const secrets = { ...keptSecrets, ...split.connectionSecrets };
    await insertConnectionSecrets(tx, deps.vault, { connection: row, ownerId: caller.userId }, secrets);
  }
  await applyCredential(tx, deps, pending, { next, embedded: kept.credential, step });
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
  const { row, privileges } = found;
  const isTakeOver = !privileges.includes('change_owner') && (await takesOver(deps, caller, row, update));
  if (!isTakeOver) await assertMayUpdate(store, caller, found, update);
  const pending = await pendingUpdate(deps, caller, row, update);
  const { split, keptSecrets } = pending;
  const isBrought = credentialEntry.isPresent(split);
  // Checked before an authorization code is spent, and again in the transaction.
  assertReachesLogin(pending, await keptLogin(store.db, row), isBrought);
  // The exchange of a code, or a client's own sign-in, uses the kept secrets.
  if (isBrought && split.signIn.oauth && Object.keys(keptSecrets).length > 0)
    await openConnectionSecretsOrRefuse(store.db, vault, caller, row);
  // A rollback does not restore an authorization code that was exchanged.
  await revision.check(store.db);
  const step = await prepareCredential(deps, pending);
  try {
    await storeEntered(store, step.brought, async (tx) => {
      await revision.check(tx);
      await apply(tx, deps, pending, { step, isTakeOver });
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken();
    throw error;
  }
}
