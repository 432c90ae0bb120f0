import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { recordConnection } from '../../../core/audit/record.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import {
  assertNameFree,
  assertReaches,
  assertReachesKept,
  filledUp,
  insertConnectionSecrets,
  linkCredential,
  loginPair,
  loginProperties,
  nameKey,
  numbered,
  openConnectionSecretsOrRefuse,
  ownerOfConnectionSecrets,
  secretsEnteredBy,
} from '../../../core/credentials/records.js';
import { resolveCredential } from '../../../core/credentials/resolve.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { propertiesOf } from './connection-changes.js';
import type { ConnectionServiceDependencies } from './connection-dependencies.js';
import { insertConnection, nameColumns } from './connection-rows.js';
import { nameTaken } from './connection-service.js';
import { assertMayCreateIn } from './may-create.js';

export interface DuplicateRequest {
  name?: string | undefined;
  /** Absent: the space of the original; empty: the caller's personal space. */
  spaceId?: string | undefined;
  qUsername?: string | undefined;
  qPassword?: string | undefined;
}

export type DuplicateConnection = (
  caller: Caller,
  found: AccessibleConnection,
  request: DuplicateRequest,
) => Promise<ConnectionTable>;

const copiesMax = 1000;

/** The name with ` (1)`, ` (2)` … behind it: the first that is free in the scope. */
async function freeName(store: Store, row: ConnectionTable, scope: string): Promise<string> {
  const base = row.name.replace(/ \(\d{1,4}\)$/, '');
  const taken = new Set(
    (
      await store.db
        .selectFrom('connection')
        .select('name_key')
        .where('tenant_id', '=', row.tenant_id)
        .where('scope', '=', scope)
        .execute()
    ).map((other) => other.name_key),
  );
  for (let number = 1; number <= copiesMax; number += 1) {
    const name = numbered(base, number);
    if (!taken.has(nameKey(name))) return name;
  }
  throw new AppError('CONFLICT', 'name: there are too many copies of this connection. Give the copy a name.');
}

export function createDuplicator(deps: ConnectionServiceDependencies): DuplicateConnection {
  const { store, vault, catalogue, bringing } = deps;
  const now = deps.now ?? (() => new Date());

  return async (caller, { row, privileges }, request) => {
    if (!privileges.includes('read')) throw unknownConnection();
    const spaceId = request.spaceId === undefined ? row.space_id : request.spaceId || null;
    if (spaceId !== null) await assertMayCreateIn(store, caller, spaceId);
    await deps.quotas.assertConnection(caller, spaceId);
    const scope = spaceId === null ? `user:${caller.userId}` : `space:${spaceId}`;
    const manifest = await catalogue.enabled(caller.tenantId, row.source_id);
    const definition = definitionOf(row);
    const method = selectSignIn(manifest, definition);
    const hasLogin = request.qUsername !== undefined || request.qPassword !== undefined;
    const login = hasLogin ? loginProperties(method, loginPair(request)) : {};
    // A copy decides anew whom a login serves, so it gets no part that somebody else gave; the original keeps all.
    const isMine = (await ownerOfConnectionSecrets(store.db, row)) === caller.userId;
    if (isMine) assertReachesKept(caller, row, { secretsOwnerId: caller.userId });
    const connectionSecrets = isMine ? await openConnectionSecretsOrRefuse(store.db, vault, caller, row) : {};
    const properties = { ...propertiesOf(manifest, row), ...login };
    const split = splitProperties(manifest, properties, Object.keys(connectionSecrets));
    const name = request.name ?? (await freeName(store, row, scope));
    const { destination } = row;
    const current = await resolveCredential(store.db, caller, row);
    const isAllowedThere = current.state !== 'needs_confirmation';
    const filled = await filledUp(store.db, vault, caller, {
      ...{ manifest, split, replaced: isAllowedThere ? current.credential : undefined },
    });
    const brought = hasLogin
      ? await bringing.complete({ caller, manifest, split: filled.split, connectionSecrets, destination })
      : undefined;
    const isSeparated = row.separated === 1;
    if (isSeparated && brought) await assertNameFree(store.db, caller, name);
    if (!brought && current.credential?.owner_id === caller.userId) assertReaches(caller, current.credential);
    const copied = brought ? undefined : await bringing.copyOwn(caller, current.credential);

    const at = now().toISOString();
    const id = newUuid();
    const copy: ConnectionTable = {
      ...row,
      id,
      ...nameColumns(name),
      scope,
      space_id: spaceId,
      owner_id: caller.userId,
      version: 1,
      created_at: at,
      updated_at: at,
      suspended_at: null,
      suspended_by: null,
      ...secretsEnteredBy(caller, at),
    };
    try {
      await store.transaction(async (tx) => {
        await insertConnection(tx, copy);
        await recordConnection(tx, 'created', caller, copy);
        await insertConnectionSecrets(
          tx,
          vault,
          { connection: copy, ownerId: caller.userId },
          connectionSecrets,
        );
        const target = { caller, manifest, signIn: method.id, destination, name };
        const secrets = brought ?? (isSeparated ? undefined : copied);
        const credentialId = secrets
          ? await bringing.store(tx, isSeparated ? target : { ...target, connectionId: id }, secrets)
          : current.credential?.id;
        if (isSeparated && credentialId) await linkCredential(tx, copy, caller.userId, credentialId, at);
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw nameTaken();
      throw error;
    }
    return copy;
  };
}
