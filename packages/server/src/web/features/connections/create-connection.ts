import { destinationOf, type SplitProperties } from '@mooring/connectors/kit/properties';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { CreateConnectionBody } from '@mooring/contract/routes/data-connections';
import type { Caller } from '../../../core/access/caller.js';
import { recordConnection } from '../../../core/audit/record.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import {
  assertName,
  assertNameFree,
  type EnteredCredential,
  type EntryRequest,
  insertConnectionSecrets,
  linkCredential,
  ownSeparatedCredential,
  secretsEnteredBy,
  storeEntered,
} from '../../../core/credentials/records.js';
import { linkAndConfirm } from '../../../core/credentials/resolve.js';
import type { BegunSignIn } from '../../../core/credentials/sign-ins.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { assertConnectionNameFree, insertConnection, nameColumns, scopeOf } from './connection-rows.js';
import { namesNothing } from './credential-step.js';
import { assertDefinitionSize, assertNoExposedSecret } from './definition-rules.js';
import { assertMayCreateIn } from './may-create.js';
import { type PresentedConnection, present } from './presented-connections.js';

/** How the request describes the connection; one described by properties gets Qlik's tag for that. */
export type DescribedBy = 'properties' | 'statement';

export type CreateResult = { created: PresentedConnection } | { begun: BegunSignIn };

/** The credential that a new connection starts with; neither member: its users add theirs. */
interface InitialCredential {
  name: string;
  /** Of the caller, to link. */
  selected?: CredentialTable;
  /** New secrets. */
  brought?: EnteredCredential;
}

const idTaken = () => new AppError('CONFLICT', 'qID: this id is taken.');

const invalidSelection = (message: string) =>
  new InvalidRequest([{ field: 'connectionProperties.selectedCredentials', message }]);

/** @throws InvalidRequest, AppError: everything that can be refused about it, before an authorization code is spent */
async function initialCredential(
  { store, credentialEntry }: ConnectionDependencies,
  request: EntryRequest,
  connectionName: string,
): Promise<InitialCredential> {
  const { caller, manifest, split } = request;
  const { separateCredentials: isSeparated, selectedCredentials, credentialsName } = split.choice;
  const name = credentialsName ?? connectionName;
  const hasCredential = credentialEntry.isPresent(split);
  if (selectedCredentials !== undefined) {
    if (!isSeparated) throw invalidSelection('needs separateCredentials');
    if (hasCredential) throw invalidSelection('and new secrets cannot both be given');
    return { name, selected: await ownSeparatedCredential(store.db, caller, manifest, selectedCredentials) };
  }
  const hasSecrets = hasCredential || Object.keys(split.connectionSecrets).length > 0;
  if (isSeparated && credentialsName !== undefined && !hasSecrets) throw namesNothing();
  if (isSeparated && !hasCredential) return { name };
  if (isSeparated) await assertNameFree(store.db, caller, name);
  else assertName(name);
  return { name, brought: await credentialEntry.complete(request) };
}

interface NewConnection {
  body: CreateConnectionBody;
  by: DescribedBy;
  split: SplitProperties;
  destination: string;
  at: string;
}

function newRow(
  caller: Caller,
  manifest: EntryRequest['manifest'],
  { body, by, split, destination, at }: NewConnection,
): ConnectionTable {
  const spaceId = body.space || null;
  return {
    id: body.qID ?? body.qEngineObjectID ?? newUuid(),
    tenant_id: caller.tenantId,
    ...nameColumns(body.qName),
    scope: scopeOf(caller.userId, spaceId),
    space_id: spaceId,
    owner_id: caller.userId,
    source_id: manifest.id,
    properties: JSON.stringify(split.definition),
    set_names: JSON.stringify(split.set),
    separated: split.choice.separateCredentials ? 1 : 0,
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
}

async function insertAll(
  tx: Tx,
  { vault, credentialEntry }: ConnectionDependencies,
  row: ConnectionTable,
  { request, initial }: { request: EntryRequest; initial: InitialCredential },
): Promise<void> {
  const { caller, manifest, split, destination } = request;
  const { selected, brought, name } = initial;
  await insertConnection(tx, row);
  await recordConnection(tx, 'created', caller, row);
  const owned = { connection: row, ownerId: caller.userId };
  await insertConnectionSecrets(tx, vault, owned, split.connectionSecrets);
  const at = row.created_at;
  if (brought) {
    const isSeparated = row.separated === 1;
    const target = { caller, manifest, signIn: split.signIn.id, destination, name };
    const stored = await credentialEntry.store(
      tx,
      isSeparated ? target : { ...target, connectionId: row.id },
      brought,
    );
    if (isSeparated) await linkCredential(tx, row, { userId: caller.userId, credentialId: stored, at });
  } else if (selected) {
    await linkAndConfirm(tx, caller, { manifest, connection: row, credentialId: selected.id, at });
  }
}

/**
 * Creates the connection together with its credential; with `authUrlOnly` it begins a sign-in instead, and stores
 * nothing.
 * @throws InvalidRequest; AppError NOT-FOUND, ACCESS-DENIED, CONFLICT, QUOTA-EXCEEDED
 */
export async function createConnection(
  deps: ConnectionDependencies,
  caller: Caller,
  body: CreateConnectionBody,
  by: DescribedBy = 'properties',
): Promise<CreateResult> {
  const { store, catalogue, credentialEntry, quotas } = deps;
  const manifest = await catalogue.enabled(caller.tenantId, body.datasourceID);
  const split = splitProperties(manifest, body.connectionProperties);
  assertDefinitionSize(manifest, split.definition);
  assertNoExposedSecret(manifest, split.definition);
  if (body.qID && body.qEngineObjectID && body.qID !== body.qEngineObjectID) {
    throw new InvalidRequest([{ field: 'qEngineObjectID', message: 'must equal qID' }]);
  }
  await assertMayCreateIn(store, caller, body.space || undefined);
  await quotas.assertConnection(caller, body.space || null);
  const destination = destinationOf(manifest, split.definition);
  const request: EntryRequest = {
    caller,
    manifest,
    split,
    connectionSecrets: split.connectionSecrets,
    destination,
    connection: { name: body.qName },
  };
  if (body.authUrlOnly && isInteractive(split.signIn.oauth))
    return { begun: await credentialEntry.begin(request) };
  const scope = scopeOf(caller.userId, body.space || null);
  await assertConnectionNameFree(store.db, caller.tenantId, scope, body.qName);
  const initial = await initialCredential(deps, request, body.qName);
  const row = newRow(caller, manifest, { body, by, split, destination, at: store.clock.iso() });
  try {
    await storeEntered(store, initial.brought, (tx) => insertAll(tx, deps, row, { request, initial }));
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await assertConnectionNameFree(store.db, caller.tenantId, scope, body.qName);
    // Last: the id may belong to another user's connection, which only a request without other faults may learn.
    throw idTaken();
  }
  return { created: await afterChange(() => present(deps, caller, row)) };
}
