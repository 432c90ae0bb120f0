import { destinationOf, type SplitProperties } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { AccessibleConnection } from '../../access/connection-access.js';
import { recordConnection } from '../../audit/record.js';
import type { BroughtCredential } from '../../broker/bring.js';
import { storeBrought } from '../../broker/bring.js';
import {
  insertConnectionSecrets,
  openConnectionSecretsOrNone,
  shredConnectionSecrets,
} from '../../broker/connection-secrets.js';
import { linkCredential, unlinkCredentials } from '../../broker/links.js';
import { assertNameFree, selectedCredential } from '../../broker/own-credentials.js';
import { resolveCredential } from '../../broker/resolve.js';
import { splitProperties } from '../../catalogue/catalogue.js';
import { qriOf } from '../../catalogue/qri.js';
import { AppError, InvalidRequest } from '../../http/app-error.js';
import type { Caller } from '../../http/handler.js';
import type { Tx } from '../../store/store.js';
import { isUniqueViolation } from '../../store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import { nameColumns, replaceConnection } from './connection-rows.js';
import { type ConnectionServiceDependencies, nameTaken } from './connection-service.js';
import { assertDefinitionSize } from './definition-size.js';
import { assertMayCreateIn } from './may-create.js';

/** What a PUT, a PATCH or a bulk update asks for; absent members stay as they are. */
export interface ConnectionChange {
  name?: string;
  tags?: string[];
  /** Null: the personal space of the owner. */
  spaceId?: string | null;
  ownerId?: string;
  /** The whole of `connectionProperties` as it would be given to a create, with secrets only where they are new. */
  properties?: Record<string, unknown>;
  /** A separated credential of the caller to link; null unlinks. */
  credentialId?: string | null;
}

export type ChangeConnection = (
  caller: Caller,
  found: AccessibleConnection,
  change: ConnectionChange,
) => Promise<void>;

interface CredentialStep {
  brought?: BroughtCredential;
  selected?: CredentialTable;
  /** The caller's credential that new secrets replace. */
  replaced?: CredentialTable;
}

/** The stored definition in the form of a request, without anything secret. */
export function propertiesOf(row: ConnectionTable): Record<string, unknown> {
  const definition = JSON.parse(row.properties) as Record<string, unknown>;
  return row.separated === 1 ? { ...definition, separateCredentials: true } : definition;
}

const invalid = (field: string, message: string) => new InvalidRequest([{ field, message }]);

export function createConnectionChanger(deps: ConnectionServiceDependencies): ChangeConnection {
  const { store, vault, catalogue, bringing } = deps;
  const now = deps.now ?? (() => new Date());

  const assertRights = async (
    caller: Caller,
    found: AccessibleConnection,
    change: ConnectionChange,
  ): Promise<void> => {
    const { row, privileges, mayUse } = found;
    const need = (privilege: 'update' | 'change_space' | 'change_owner', field: string) => {
      if (!privileges.includes(privilege))
        throw new AppError('ACCESS-DENIED', `${field}: you lack the privilege ${privilege}.`);
    };
    const isDefinition =
      change.name !== undefined || change.tags !== undefined || change.properties !== undefined;
    if (isDefinition) need('update', 'connection');
    if (change.credentialId !== undefined && !mayUse) {
      throw new AppError(
        'ACCESS-DENIED',
        'qCredentialsID: your roles do not let you use data through this connection.',
      );
    }
    if (change.ownerId !== undefined && change.ownerId !== row.owner_id) {
      need('change_owner', 'owner');
      const owner = await store.db
        .selectFrom('user')
        .select('id')
        .where('id', '=', change.ownerId)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirst();
      if (!owner) throw new AppError('NOT-FOUND', 'ownerId: there is no such person.');
    }
    if (change.spaceId !== undefined && change.spaceId !== row.space_id) {
      need('change_space', 'space');
      if (change.spaceId !== null)
        await assertMayCreateIn(store, caller, change.spaceId, privileges.includes('change_owner'));
    }
  };

  /** Everything about credentials that can be refused is refused here, before a code is spent or a row is touched. */
  const prepareCredential = async (
    caller: Caller,
    row: ConnectionTable,
    manifest: SourceManifest,
    split: SplitProperties,
    destination: string,
    change: ConnectionChange,
  ): Promise<CredentialStep> => {
    const isSeparated = split.choice.separateCredentials;
    const wasSeparated = row.separated === 1;
    const hasNew = bringing.isPresent(split);
    const selectedId = change.credentialId ?? split.choice.selectedCredentials;
    if (!isSeparated) {
      if (selectedId) {
        const { credential } = await resolveCredential(store.db, caller.userId, row);
        if (wasSeparated || credential?.id !== selectedId) {
          throw invalid('qCredentialsID', 'cannot be chosen on a connection with an embedded credential');
        }
      }
      if (!hasNew && (wasSeparated || destination !== row.destination)) {
        throw invalid(
          'connectionProperties',
          'the credential must be sent with this change, because it decides where the credential goes',
        );
      }
    } else if (selectedId && !hasNew) {
      return { selected: await selectedCredential(store.db, caller, manifest, selectedId) };
    }
    if (!hasNew) return {};
    const stored = await openConnectionSecretsOrNone(store.db, vault, row);
    const name = split.choice.credentialsName;
    const current =
      wasSeparated === isSeparated
        ? (await resolveCredential(store.db, caller.userId, row)).credential
        : undefined;
    const isTheirs = current?.owner_id === caller.userId;
    const replaced =
      current && isTheirs && (name === undefined || name === current.name) ? current : undefined;
    if (isSeparated && !replaced)
      await assertNameFree(store.db, caller, manifest, name ?? change.name ?? row.name);
    const brought = await bringing.complete({
      caller,
      manifest,
      split,
      connectionSecrets: { ...stored, ...split.connectionSecrets },
      destination,
      connection: { id: row.id, name: row.name },
      ...(replaced ? { replaces: replaced } : {}),
    });
    return replaced ? { brought, replaced } : { brought };
  };

  const embeddedOf = (tx: Tx, row: ConnectionTable) =>
    tx
      .selectFrom('credential')
      .selectAll()
      .where('connection_id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .executeTakeFirst();

  const applyCredential = async (
    tx: Tx,
    caller: Caller,
    next: ConnectionTable,
    previous: ConnectionTable,
    manifest: SourceManifest,
    split: SplitProperties,
    step: CredentialStep,
    change: ConnectionChange,
  ): Promise<void> => {
    const at = next.updated_at;
    const isSeparated = next.separated === 1;
    const embedded = await embeddedOf(tx, previous);
    // A new owner gets no credential of the former one; neither does a connection that became separated.
    const dropsEmbedded =
      isSeparated || next.owner_id !== previous.owner_id || (step.brought && !step.replaced);
    if (embedded && dropsEmbedded) {
      await deps.revoker.end(tx, embedded, { connection: previous });
    }
    if (!isSeparated) await unlinkCredentials(tx, next);
    if (change.credentialId === null) await unlinkCredentials(tx, next, caller.userId);
    if (step.selected) await linkCredential(tx, next, caller.userId, step.selected.id, at);
    if (!step.brought) return;
    const target = { signIn: split.signIn.id, destination: next.destination };
    if (step.replaced) return bringing.replace(tx, step.replaced, target, step.brought);
    const name = split.choice.credentialsName ?? next.name;
    const id = await bringing.store(
      tx,
      { ...target, caller, manifest, name, ...(isSeparated ? {} : { connectionId: next.id }) },
      step.brought,
    );
    if (isSeparated) await linkCredential(tx, next, caller.userId, id, at);
  };

  return async (caller, found, change) => {
    await assertRights(caller, found, change);
    const { row } = found;
    const manifest = catalogue.get(row.source_id);
    const split = splitProperties(manifest, change.properties ?? propertiesOf(row));
    if (change.properties) assertDefinitionSize(manifest, split.definition, JSON.parse(row.properties));
    const destination = destinationOf(manifest, split.definition);
    const step = await prepareCredential(caller, row, manifest, split, destination, change);
    const stored = await openConnectionSecretsOrNone(store.db, vault, row);
    const missing = Object.keys(stored).filter((name) => !(name in split.connectionSecrets));
    if (destination !== row.destination && missing.length > 0) {
      throw new InvalidRequest(
        missing.map((name) => ({
          field: `connectionProperties.${name}`,
          message: 'must be sent again with this change, because it decides where the secret goes',
        })),
      );
    }
    const ownerId = change.ownerId ?? row.owner_id;
    const spaceId = change.spaceId === undefined ? row.space_id : change.spaceId;
    const name = change.name ?? row.name;
    const next: ConnectionTable = {
      ...row,
      ...nameColumns(name),
      owner_id: ownerId,
      space_id: spaceId,
      scope: spaceId === null ? `user:${ownerId}` : `space:${spaceId}`,
      tags: change.tags ? JSON.stringify(change.tags) : row.tags,
      properties: JSON.stringify(split.definition),
      separated: split.choice.separateCredentials ? 1 : 0,
      destination,
      qri: qriOf(manifest, split.definition),
      version: row.version + 1,
      updated_at: now().toISOString(),
    };
    try {
      await storeBrought(store, step.brought, async (tx) => {
        if (!(await replaceConnection(tx, row, next))) {
          throw new AppError(
            'CONFLICT',
            'The connection was changed by somebody else meanwhile. Read it again and repeat the change.',
          );
        }
        const isNewOwner = ownerId !== row.owner_id;
        const hasNewSecrets = Object.keys(split.connectionSecrets).length > 0;
        if (isNewOwner || hasNewSecrets) {
          await shredConnectionSecrets(tx, row.tenant_id, row.id);
          const kept = isNewOwner ? split.connectionSecrets : { ...stored, ...split.connectionSecrets };
          await insertConnectionSecrets(tx, vault, next, kept);
        }
        await applyCredential(tx, caller, next, row, manifest, split, step, change);
        await recordConnection(tx, 'updated', caller, next);
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw nameTaken();
      throw error;
    }
  };
}
