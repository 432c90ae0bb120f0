import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { duplicateConnection as duplicateRoute } from '@mooring/contract/routes/data-connection-changes';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { findConnection, unknownConnection } from '../../../core/access/find-connection.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import {
  assertNameFree,
  assertReaches,
  assertReachesKept,
  filledUp,
  linkCredential,
  loginPair,
  loginProperties,
  nameKey,
  numbered,
  openConnectionSecretsOrRefuse,
  ownerOfConnectionSecrets,
} from '../../../core/credentials/records.js';
import { resolveCredential } from '../../../core/credentials/resolve.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import { ifTaken } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { assertMayCreateIn } from './connection-rights.js';
import { nameTaken, scopeOf } from './connection-rows.js';
import { newColumns, storeNew } from './create-connection.js';
import { propertiesOf } from './stated-properties.js';

const copiesMax = 1000;

/** The name followed by ` (1)`, ` (2)`, …: the first that is free in the scope. */
async function freeName(store: Store, row: ConnectionTable, scope: string): Promise<string> {
  const base = row.name.replace(/ \(\d{1,4}\)$/, '');
  const others = await store.db
    .selectFrom('connection')
    .select('name_key')
    .where('tenant_id', '=', row.tenant_id)
    .where('scope', '=', scope)
    .execute();
  const taken = new Set(others.map(({ name_key }) => name_key));
  for (let number = 1; number <= copiesMax; number += 1) {
    const name = numbered(base, number);
    if (!taken.has(nameKey(name))) return name;
  }
  throw new AppError('CONFLICT', 'name: this connection has too many copies. Name the copy in the request.');
}

/**
 * Copies a connection that the caller may read, with the parts of its login that they entered.
 * @throws InvalidRequest; AppError NOT-FOUND, ACCESS-DENIED, CONFLICT, QUOTA-EXCEEDED
 */
export async function duplicateConnection(
  deps: ConnectionDependencies,
  caller: Caller,
  request: z.output<typeof duplicateRoute.body>,
): Promise<ConnectionTable> {
  const { store, vault, catalogue, credentialEntry, quotas } = deps;
  const { row, privileges } = await findConnection(store.db, caller, request.id, 'id');
  if (!privileges.includes('read')) throw unknownConnection();
  const { destination } = row;
  const isSeparated = row.separated === 1;
  // Absent: the space of the original; empty: the caller's personal space.
  const spaceId = request.spaceId === undefined ? row.space_id : request.spaceId || null;
  await assertMayCreateIn(store, caller, spaceId);
  await quotas.assertConnection(caller, spaceId);
  const manifest = await catalogue.enabled(caller.tenantId, row.source_id);
  const method = selectSignIn(manifest, definitionOf(row));
  const login = loginProperties(method, loginPair(request));
  // The copy may serve other users than the original, so it gets no part of the login that another user entered.
  const isMine = (await ownerOfConnectionSecrets(store.db, row)) === caller.userId;
  if (isMine) assertReachesKept(caller, row, { secretsOwnerId: caller.userId });
  const connectionSecrets = isMine ? await openConnectionSecretsOrRefuse(store.db, vault, caller, row) : {};
  const given = { ...propertiesOf(manifest, row), ...login };
  const stated = splitProperties(manifest, given, Object.keys(connectionSecrets));
  const name = request.name ?? (await freeName(store, row, scopeOf(caller.userId, spaceId)));
  const { credential: current, state } = await resolveCredential(store.db, caller, row);
  const replaced = state === 'needs_confirmation' ? undefined : current;
  const { split } = await filledUp(store.db, vault, caller, { manifest, split: stated, replaced });
  const hasLogin = request.qUsername !== undefined || request.qPassword !== undefined;
  if (!hasLogin && current?.owner_id === caller.userId) assertReaches(caller, current);
  const entered = hasLogin
    ? await credentialEntry.complete({ caller, manifest, split, connectionSecrets, destination })
    : await credentialEntry.copyOwn(caller, isSeparated ? undefined : current);
  if (isSeparated && entered) await assertNameFree(store.db, caller, name);
  const at = store.clock.iso();
  const copy = { ...row, ...newColumns(caller, name, spaceId, at), id: newUuid() };
  await store
    .transaction(async (tx) => {
      await storeNew(tx, deps, copy, {
        caller,
        manifest,
        connectionSecrets,
        signIn: method.id,
        name,
        entered,
      });
      if (!entered && isSeparated && current)
        await linkCredential(tx, copy, { userId: caller.userId, credentialId: current.id, at });
    })
    .catch(ifTaken(nameTaken));
  return copy;
}
