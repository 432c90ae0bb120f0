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
  type EnteredCredential,
  type EntryRequest,
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
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { insertConnection, nameColumns, nameTaken, scopeOf } from './connection-rows.js';
import { assertMayCreateIn } from './may-create.js';
import { propertiesOf } from './update-connection.js';

export interface DuplicateRequest {
  name?: string | undefined;
  /** Absent: the space of the original; empty: the caller's personal space. */
  spaceId?: string | undefined;
  qUsername?: string | undefined;
  qPassword?: string | undefined;
}

const copiesMax = 1000;

/** The name followed by ` (1)`, ` (2)`, …: the first that is free in the scope. */
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
  throw new AppError('CONFLICT', 'name: this connection has too many copies. Name the copy in the request.');
}

interface CopiedLogin {
  /** New secrets, or a copy of the caller's own; absent: a linked credential, or none. */
  secrets?: EnteredCredential;
  /** The credential that the caller uses on the original. */
  current: CredentialTable | undefined;
}

/** The login of the copy: what the request holds; else the caller's own, if it can be copied. */
async function loginForCopy(
  { store, vault, credentialEntry }: ConnectionDependencies,
  row: ConnectionTable,
  name: string,
  { caller, manifest, split, connectionSecrets, hasLogin }: EntryRequest & { hasLogin: boolean },
): Promise<CopiedLogin> {
  const { credential: current, state } = await resolveCredential(store.db, caller, row);
  const replaced = state === 'needs_confirmation' ? undefined : current;
  const filled = await filledUp(store.db, vault, caller, { manifest, split, replaced });
  const { destination } = row;
  const brought = hasLogin
    ? await credentialEntry.complete({
        caller,
        manifest,
        split: filled.split,
        connectionSecrets,
        destination,
      })
    : undefined;
  const isSeparated = row.separated === 1;
  if (isSeparated && brought) await assertNameFree(store.db, caller, name);
  if (!brought && current?.owner_id === caller.userId) assertReaches(caller, current);
  const copied = brought ? undefined : await credentialEntry.copyOwn(caller, current);
  const secrets = brought ?? (isSeparated ? undefined : copied);
  return { current, ...(secrets ? { secrets } : {}) };
}

interface Copy {
  caller: Caller;
  name: string;
  spaceId: string | null;
  at: string;
}

function copyOf(row: ConnectionTable, { caller, name, spaceId, at }: Copy): ConnectionTable {
  return {
    ...row,
    id: newUuid(),
    ...nameColumns(name),
    scope: scopeOf(caller.userId, spaceId),
    space_id: spaceId,
    owner_id: caller.userId,
    version: 1,
    created_at: at,
    updated_at: at,
    suspended_at: null,
    suspended_by: null,
    ...secretsEnteredBy(caller, at),
  };
}

/**
 * Copies a connection that the caller may read, with the parts of its login that they entered.
 * @throws InvalidRequest; AppError NOT-FOUND, ACCESS-DENIED, CONFLICT, QUOTA-EXCEEDED
 */
export async function duplicateConnection(
  deps: ConnectionDependencies,
  caller: Caller,
  { row, privileges }: AccessibleConnection,
  request: DuplicateRequest,
): Promise<ConnectionTable> {
  const { store, vault, catalogue, credentialEntry, quotas } = deps;
  if (!privileges.includes('read')) throw unknownConnection();
  const spaceId = request.spaceId === undefined ? row.space_id : request.spaceId || null;
  if (spaceId !== null) await assertMayCreateIn(store, caller, spaceId);
  await quotas.assertConnection(caller, spaceId);
  const manifest = await catalogue.enabled(caller.tenantId, row.source_id);
  const method = selectSignIn(manifest, definitionOf(row));
  const hasLogin = request.qUsername !== undefined || request.qPassword !== undefined;
  const login = hasLogin ? loginProperties(method, loginPair(request)) : {};
  // The copy may serve other users than the original, so it gets no part of the login that another user entered.
  const isMine = (await ownerOfConnectionSecrets(store.db, row)) === caller.userId;
  if (isMine) assertReachesKept(caller, row, { secretsOwnerId: caller.userId });
  const connectionSecrets = isMine ? await openConnectionSecretsOrRefuse(store.db, vault, caller, row) : {};
  const properties = { ...propertiesOf(manifest, row), ...login };
  const split = splitProperties(manifest, properties, Object.keys(connectionSecrets));
  const name = request.name ?? (await freeName(store, row, scopeOf(caller.userId, spaceId)));
  const { destination } = row;
  const about = { caller, manifest, split, connectionSecrets, destination, hasLogin };
  const { secrets, current } = await loginForCopy(deps, row, name, about);
  const copy = copyOf(row, { caller, name, spaceId, at: store.clock.iso() });
  const isSeparated = row.separated === 1;
  try {
    await store.transaction(async (tx) => {
      await insertConnection(tx, copy);
      await recordConnection(tx, 'created', caller, copy);
      const owned = { connection: copy, ownerId: caller.userId };
      await insertConnectionSecrets(tx, vault, owned, connectionSecrets);
      const target = { caller, manifest, signIn: method.id, destination, name };
      const credentialId = secrets
        ? await credentialEntry.store(
            tx,
            isSeparated ? target : { ...target, connectionId: copy.id },
            secrets,
          )
        : current?.id;
      if (isSeparated && credentialId)
        await linkCredential(tx, copy, { userId: caller.userId, credentialId, at: copy.created_at });
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken();
    throw error;
  }
  return copy;
}
