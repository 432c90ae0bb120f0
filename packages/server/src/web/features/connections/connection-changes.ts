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
  storeBrought,
  suspensionAfter,
} from '../../../core/credentials/records.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Tx } from '../../../core/store/queryable.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { assertMayChange } from './change-rights.js';
import type { ConnectionChange } from './connection-change.js';
import type { ConnectionServiceDependencies } from './connection-dependencies.js';
import { nameColumns, replaceConnection } from './connection-rows.js';
import { nameTaken } from './connection-service.js';
import {
  applyCredential,
  type ChangeInHand,
  type CredentialStep,
  prepareCredential,
} from './credential-step.js';
import { assertDefinitionSize, assertNoExposedSecret } from './definition-rules.js';

export type ChangeConnection = (
  caller: Caller,
  found: AccessibleConnection,
  change: ConnectionChange,
) => Promise<void>;

/** What is set of the stored definition in the form of a request, without anything secret. */
export function propertiesOf(manifest: SourceManifest, row: ConnectionTable): Record<string, unknown> {
  const definition = setDefinition(manifest, row);
  return row.separated === 1 ? { ...definition, separateCredentials: true } : definition;
}

const changedMeanwhile = () =>
  new AppError(
    'CONFLICT',
    'The connection was changed by somebody else meanwhile. Read it again and repeat the change.',
  );

const loginGoesOn = () =>
  new AppError('ACCESS-DENIED', 'user: somebody who is still here gave the login of this connection.');

/** @throws InvalidRequest when a secret of the connection would go elsewhere without being sent */
function assertSecretsSent({ row, split, destination }: ChangeInHand, stored: object): void {
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
 * What the connection keeps of its login beyond this change is put to another use by it.
 * @throws AppError ACCESS-DENIED when a part of that is out of the caller's reach
 */
function assertReachesLogin(
  { caller, row, split, change, keptSecrets }: ChangeInHand,
  { credential, secretsOwnerId }: KeptLogin,
  isBrought: boolean,
): void {
  const { properties, spaceId, ownerId } = change;
  if (properties === undefined && spaceId === undefined && ownerId === undefined) return;
  const { connectionSecrets: sent } = split;
  const areSent = Object.keys(sent).length > 0 && Object.keys(keptSecrets).every((name) => name in sent);
  assertReachesKept(caller, row, {
    credential: isBrought ? undefined : credential,
    secretsOwnerId: areSent ? undefined : secretsOwnerId,
  });
}

export function createConnectionChanger(deps: ConnectionServiceDependencies): ChangeConnection {
  const { store, vault, catalogue } = deps;
  const now = deps.now ?? (() => new Date());

  const takesOver = async (caller: Caller, { row }: AccessibleConnection, change: ConnectionChange) => {
    const { ownerId, properties, credentialId, ...more } = change;
    const isOnlyThat = ownerId === caller.userId && properties !== undefined && credentialId === undefined;
    return isOnlyThat && Object.keys(more).length === 0 && (await mayTakeOver(store.db, caller, row));
  };

  const inHandOf = async (
    caller: Caller,
    row: ConnectionTable,
    change: ConnectionChange,
  ): Promise<ChangeInHand> => {
    const manifest = catalogue.get(row.source_id);
    const given = change.properties ?? propertiesOf(manifest, row);
    const stored = await openConnectionSecretsOrNone(store.db, vault, row);
    const first = splitProperties(manifest, given, Object.keys(stored));
    const isTheirs = (await ownerOfConnectionSecrets(store.db, row)) === caller.userId;
    // Nobody's secrets are mixed with those of somebody else.
    const keptSecrets = isTheirs || Object.keys(first.connectionSecrets).length === 0 ? stored : {};
    const split = keptSecrets === stored ? first : splitProperties(manifest, given);
    if (change.properties) {
      const before = definitionOf(row);
      assertDefinitionSize(manifest, split.definition, before);
      assertNoExposedSecret(manifest, split.definition, before);
    }
    const destination = destinationOf(manifest, split.definition);
    const inHand = { caller, row, manifest, split, destination, change, keptSecrets };
    assertSecretsSent(inHand, stored);
    return inHand;
  };

  const nextOf = ({ row, manifest, split, destination, change }: ChangeInHand): ConnectionTable => {
    const ownerId = change.ownerId ?? row.owner_id;
    const spaceId = change.spaceId === undefined ? row.space_id : change.spaceId;
    return {
      ...row,
      ...nameColumns(change.name ?? row.name),
      owner_id: ownerId,
      space_id: spaceId,
      scope: spaceId === null ? `user:${ownerId}` : `space:${spaceId}`,
      tags: change.tags ? JSON.stringify(change.tags) : row.tags,
      properties: JSON.stringify(split.definition),
      set_names: JSON.stringify(split.set),
      separated: split.choice.separateCredentials ? 1 : 0,
      destination,
      qri: qriOf(manifest, split.definition),
      version: row.version + 1,
      updated_at: now().toISOString(),
    };
  };

  const apply = async (
    tx: Tx,
    inHand: ChangeInHand,
    step: CredentialStep,
    isTakeOver: boolean,
  ): Promise<void> => {
    const { caller, row, split, keptSecrets } = inHand;
    const moved = nextOf(inHand);
    const kept = await keptLogin(tx, row);
    assertReachesLogin(inHand, kept, step.brought !== undefined);
    if (isTakeOver && kept.credential) throw loginGoesOn();
    const givesSecrets = Object.keys(split.connectionSecrets).length > 0;
    const hasEmbedded = moved.separated === 0 && !needsNoLogin(split.signIn);
    const givers = [
      hasEmbedded ? (step.brought ? caller.userId : kept.credential?.owner_id) : undefined,
      givesSecrets ? caller.userId : kept.secretsOwnerId,
    ].filter((id) => id !== undefined);
    if (isTakeOver && !(step.brought && givers.every((giver) => giver === caller.userId))) {
      throw new InvalidRequest([
        {
          field: 'connectionProperties',
          message: 'must hold the whole login: who takes a connection over enters its secrets again',
        },
      ]);
    }
    const next = {
      ...moved,
      ...suspensionAfter({
        ...{ from: row, to: moved, givers, by: caller.userId, at: moved.updated_at },
        isEntered: step.brought !== undefined || givesSecrets,
      }),
      ...(givesSecrets ? secretsEnteredBy(caller, moved.updated_at) : {}),
    };
    if (!(await replaceConnection(tx, row, next))) throw changedMeanwhile();
    if (givesSecrets) {
      await shredConnectionSecrets(tx, row.tenant_id, row.id);
      const secrets = { ...keptSecrets, ...split.connectionSecrets };
      await insertConnectionSecrets(tx, vault, { connection: row, ownerId: caller.userId }, secrets);
    }
    await applyCredential(tx, deps, inHand, { next, embedded: kept.credential, step });
    await recordConnection(tx, 'updated', caller, next);
  };

  return async (caller, found, change) => {
    const { row } = found;
    const isTakeOver = !found.privileges.includes('change_owner') && (await takesOver(caller, found, change));
    if (!isTakeOver) await assertMayChange(store, caller, found, change);
    const inHand = await inHandOf(caller, row, change);
    // Before a code is spent, and again in the transaction.
    const { split, keptSecrets } = inHand;
    const isBrought = deps.bringing.isPresent(split);
    assertReachesLogin(inHand, await keptLogin(store.db, row), isBrought);
    // A code, or a client's own sign-in, is exchanged with them.
    if (isBrought && split.signIn.oauth && Object.keys(keptSecrets).length > 0)
      await openConnectionSecretsOrRefuse(store.db, vault, caller, row);
    const step = await prepareCredential(deps, inHand);
    try {
      await storeBrought(store, step.brought, (tx) => apply(tx, inHand, step, isTakeOver));
    } catch (error) {
      if (isUniqueViolation(error)) throw nameTaken();
      throw error;
    }
  };
}
