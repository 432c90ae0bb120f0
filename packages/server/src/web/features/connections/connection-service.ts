import { destinationOf, type SplitProperties } from '@mooring/connectors/kit/properties';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { CreateConnectionBody } from '@mooring/contract/routes/data-connections';
import type { Caller } from '../../../core/access/caller.js';
import {
  type AccessibleConnection,
  connectionsNamed,
  decideForAll,
  loadConnection,
} from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { recordConnection } from '../../../core/audit/record.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import {
  assertName,
  assertNameFree,
  type BroughtCredential,
  insertConnectionSecrets,
  linkCredential,
  nameKey,
  secretsEnteredBy,
  selectedCredential,
  shredConnectionSecrets,
  storeBrought,
} from '../../../core/credentials/records.js';
import {
  chooseCredential,
  credentialShownTo,
  credentialsShownTo,
} from '../../../core/credentials/resolve.js';
import type { BegunSignIn } from '../../../core/credentials/sign-ins.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { ConnectionServiceDependencies } from './connection-dependencies.js';
import { orphansOf, type PresentedConnection } from './connection-presenter.js';
import { deleteConnection, insertConnection, nameColumns } from './connection-rows.js';
import { namesNothing } from './credential-step.js';
import { assertDefinitionSize, assertNoExposedSecret } from './definition-rules.js';
import { assertMayCreateIn } from './may-create.js';

/** How a connection was described; those by properties carry Qlik's tag for it. */
export type CreatedBy = 'properties' | 'statement';

export type CreateResult = { created: PresentedConnection } | { begun: BegunSignIn };

/** How a connection is named in a request: by id, or by name in a scope. */
export type ConnectionLookup = { id: string } | { name: string; spaceId?: string };

export interface ConnectionService {
  create(caller: Caller, body: CreateConnectionBody, by?: CreatedBy): Promise<CreateResult>;
  get(caller: Caller, lookup: ConnectionLookup): Promise<PresentedConnection>;
  remove(caller: Caller, lookup: ConnectionLookup): Promise<void>;
  /** The connection with the credential it shows to the caller. */
  shown(caller: Caller, row: ConnectionTable): Promise<PresentedConnection>;
  /** The connection with what the caller may do to it. @throws AppError NOT-FOUND */
  find(caller: Caller, lookup: ConnectionLookup): Promise<AccessibleConnection>;
  present(caller: Caller, rows: readonly ConnectionTable[]): Promise<PresentedConnection[]>;
}

export const nameTaken = () =>
  new AppError('CONFLICT', 'qName: a connection of this name exists in this space. Choose another name.');

const idTaken = () => new AppError('CONFLICT', 'qID: this id is taken.');

export function createConnectionService(deps: ConnectionServiceDependencies): ConnectionService {
  const { store, vault, catalogue, bringing } = deps;
  const now = deps.now ?? (() => new Date());

  /** Of the user or, of an OAuth client, of the connection. */
  const holdsSecrets = (split: SplitProperties): boolean =>
    bringing.isPresent(split) || Object.keys(split.connectionSecrets).length > 0;

  const assertNameIsFree = async (caller: Caller, scope: string, name: string): Promise<void> => {
    const taken = await store.db
      .selectFrom('connection')
      .select('id')
      .where('tenant_id', '=', caller.tenantId)
      .where('scope', '=', scope)
      .where('name_key', '=', nameKey(name))
      .executeTakeFirst();
    if (taken) throw nameTaken();
  };

  const present = async (
    caller: Caller,
    rows: readonly ConnectionTable[],
  ): Promise<PresentedConnection[]> => {
    const credentials = await credentialsShownTo(store.db, caller, rows);
    const decisions = await decideForAll(store.db, caller, rows);
    const orphans = await orphansOf(store.db, rows, credentials);
    return rows.map((row) => {
      const credential = credentials.get(row.id);
      return {
        row,
        manifest: catalogue.get(row.source_id),
        privileges: decisions.get(row)?.privileges ?? [],
        ownerLeft: orphans.has(row),
        ...(credential ? { credential } : {}),
      };
    });
  };

  const find = async (caller: Caller, lookup: ConnectionLookup): Promise<AccessibleConnection> => {
    if ('id' in lookup) {
      const found = await loadConnection(store.db, caller, { id: lookup.id });
      if (!found) throw unknownConnection();
      return found;
    }
    const scope = lookup.spaceId ? `space:${lookup.spaceId}` : `user:${caller.userId}`;
    const scoped = await loadConnection(store.db, caller, { scope, nameKey: nameKey(lookup.name) });
    if (scoped) return scoped;
    if (lookup.spaceId) throw unknownConnection();
    // Without a space the name is looked for everywhere the caller can see, and must be the only one.
    const visible = await connectionsNamed(store.db, caller, nameKey(lookup.name));
    if (visible.length > 1) {
      throw new InvalidRequest([
        { field: 'spaceId', message: 'is required: several spaces have a connection of this name' },
      ]);
    }
    const [only] = visible;
    if (!only) throw unknownConnection();
    return only;
  };

  const shown = async (caller: Caller, row: ConnectionTable): Promise<PresentedConnection> => {
    const [presented] = await present(caller, [row]);
    if (!presented) throw new Error('a connection cannot be presented');
    return presented;
  };

  return {
    present,
    find,
    shown,

    async create(caller, body, by = 'properties') {
      const manifest = await catalogue.enabled(caller.tenantId, body.datasourceID);
      const split = splitProperties(manifest, body.connectionProperties);
      assertDefinitionSize(manifest, split.definition);
      assertNoExposedSecret(manifest, split.definition);
      const { choice, signIn } = split;
      if (body.qID && body.qEngineObjectID && body.qID !== body.qEngineObjectID) {
        throw new InvalidRequest([{ field: 'qEngineObjectID', message: 'must equal qID' }]);
      }
      const spaceId = body.space || undefined;
      await assertMayCreateIn(store, caller, spaceId);
      await deps.quotas.assertConnection(caller, spaceId ?? null);
      const destination = destinationOf(manifest, split.definition);
      const request = {
        caller,
        manifest,
        split,
        connectionSecrets: split.connectionSecrets,
        destination,
        connection: { name: body.qName },
      };
      if (body.authUrlOnly && isInteractive(signIn.oauth)) {
        return { begun: await bringing.begin(request) };
      }
      const id = body.qID ?? body.qEngineObjectID ?? newUuid();
      const scope = spaceId ? `space:${spaceId}` : `user:${caller.userId}`;
      await assertNameIsFree(caller, scope, body.qName);

      // Everything that can be refused is refused before a code is spent.
      const isSeparated = choice.separateCredentials;
      const credentialName = choice.credentialsName ?? body.qName;
      let selected: CredentialTable | undefined;
      let brought: BroughtCredential | undefined;
      if (choice.selectedCredentials !== undefined) {
        if (!isSeparated) {
          throw new InvalidRequest([
            { field: 'connectionProperties.selectedCredentials', message: 'needs separateCredentials' },
          ]);
        }
        if (bringing.isPresent(split)) {
          throw new InvalidRequest([
            {
              field: 'connectionProperties.selectedCredentials',
              message: 'and new secrets cannot both be given',
            },
          ]);
        }
        selected = await selectedCredential(store.db, caller, manifest, choice.selectedCredentials);
      } else if (isSeparated && choice.credentialsName !== undefined && !holdsSecrets(split)) {
        throw namesNothing();
      } else if (!isSeparated || bringing.isPresent(split)) {
        if (isSeparated) await assertNameFree(store.db, caller, credentialName);
        else assertName(credentialName);
        brought = await bringing.complete(request);
      }

      const at = now().toISOString();
      const row: ConnectionTable = {
        id,
        tenant_id: caller.tenantId,
        ...nameColumns(body.qName),
        scope,
        space_id: spaceId ?? null,
        owner_id: caller.userId,
        source_id: manifest.id,
        properties: JSON.stringify(split.definition),
        set_names: JSON.stringify(split.set),
        separated: isSeparated ? 1 : 0,
        destination,
        qri: qriOf(manifest, split.definition),
        tags: JSON.stringify([
          ...(body.tags ?? []),
          ...(by === 'properties' ? [`DcaasAPI:${manifest.provider}:${manifest.connectorVersion}`] : []),
        ]),
        version: 1,
        created_at: at,
        updated_at: at,
        suspended_at: null,
        suspended_by: null,
        ...secretsEnteredBy(caller, at),
      };
      try {
        await storeBrought(store, brought, async (tx) => {
          await insertConnection(tx, row);
          await recordConnection(tx, 'created', caller, row);
          await insertConnectionSecrets(
            tx,
            vault,
            { connection: row, ownerId: caller.userId },
            split.connectionSecrets,
          );
          const target = { caller, manifest, signIn: signIn.id, destination, name: credentialName };
          if (brought) {
            const stored = await bringing.store(
              tx,
              isSeparated ? target : { ...target, connectionId: id },
              brought,
            );
            if (isSeparated) await linkCredential(tx, row, caller.userId, stored, at);
          } else if (selected) {
            await chooseCredential(tx, caller, { manifest, connection: row, credentialId: selected.id, at });
          }
        });
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        await assertNameIsFree(caller, scope, body.qName);
        // Last of all: whatever else is wrong with a request is told first, whoever has the id.
        throw idTaken();
      }
      return { created: await afterChange(() => shown(caller, row)) };
    },

    async get(caller, lookup) {
      const { row, privileges } = await find(caller, lookup);
      if (!privileges.includes('read')) throw unknownConnection();
      const credential = await credentialShownTo(store.db, caller.userId, row);
      const known = new Map(credential ? [[row.id, credential]] : []);
      return {
        row,
        manifest: catalogue.get(row.source_id),
        privileges,
        ownerLeft: (await orphansOf(store.db, [row], known)).has(row),
        ...(credential ? { credential } : {}),
      };
    },

    async remove(caller, lookup) {
      const { row, privileges } = await find(caller, lookup);
      if (!privileges.includes('delete'))
        throw new AppError('ACCESS-DENIED', 'You may see this connection, but not delete it.');
      await store.transaction(async (tx) => {
        await deps.revoker.end(tx, { tenantId: row.tenant_id, connectionId: row.id }, { by: caller });
        await shredConnectionSecrets(tx, row.tenant_id, row.id);
        await deleteConnection(tx, row);
        await recordConnection(tx, 'deleted', caller, row);
      });
      deps.revoker.kick();
    },
  };
}
