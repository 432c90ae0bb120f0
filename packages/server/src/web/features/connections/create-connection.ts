import { isInteractive } from '@mooring/connectors/interface/sign-in';
import { type ConnectionSecrets, destinationOf } from '@mooring/connectors/kit/properties';
import { propertiesTag } from '@mooring/connectors/qlik/names';
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
  nameKey,
  ownSeparatedCredential,
  secretsEnteredBy,
  storeEntered,
} from '../../../core/credentials/records.js';
import { linkAndConfirm } from '../../../core/credentials/resolve.js';
import type { BegunSignIn } from '../../../core/credentials/sign-ins.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { assertMayCreateIn } from './connection-rights.js';
import { insertConnection, nameColumns, nameTaken, scopeOf } from './connection-rows.js';
import { type NewCredential, namesNothing, storeCredential } from './credential-step.js';
import { assertDefinition } from './definition-rules.js';
import { type PresentedConnection, present } from './presented-connections.js';

/** The credential that a new connection starts with; neither `selected` nor `entered`: its users add theirs. */
interface InitialCredential {
  name: string;
  /** Of the caller, to link. */
  selected?: CredentialTable;
  entered?: EnteredCredential;
}

const selection = 'connectionProperties.selectedCredentials';

/** Validates everything before an authorization code is spent. @throws InvalidRequest, AppError */
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
    if (!isSeparated) throw invalidField(selection, 'needs separateCredentials');
    if (hasCredential) throw invalidField(selection, 'and new secrets cannot both be given');
    return { name, selected: await ownSeparatedCredential(store.db, caller, manifest, selectedCredentials) };
  }
  const hasSecrets = hasCredential || Object.keys(split.connectionSecrets).length > 0;
  if (isSeparated && credentialsName !== undefined && !hasSecrets) throw namesNothing();
  if (isSeparated && !hasCredential) return { name };
  if (isSeparated) await assertNameFree(store.db, caller, name);
  else assertName(name);
  return { name, entered: await credentialEntry.complete(request) };
}

/** Columns of a new connection, which belongs to the caller together with the secrets in it. */
export const newColumns = (caller: Caller, name: string, spaceId: string | null, at: string) => ({
  ...nameColumns(name),
  tenant_id: caller.tenantId,
  scope: scopeOf(caller.userId, spaceId),
  space_id: spaceId,
  owner_id: caller.userId,
  version: 1,
  created_at: at,
  updated_at: at,
  suspended_at: null,
  suspended_by: null,
  ...secretsEnteredBy(caller, at),
});

/** Stores a new connection with its own secrets, and with the credential that was entered for it, if any. */
export async function storeNew(
  tx: Tx,
  deps: ConnectionDependencies,
  row: ConnectionTable,
  {
    connectionSecrets,
    entered,
    ...about
  }: Omit<NewCredential, 'entered'> & {
    connectionSecrets: ConnectionSecrets;
    entered: EnteredCredential | undefined;
  },
): Promise<void> {
  const { caller } = about;
  await insertConnection(tx, row);
  await recordConnection(tx, 'created', caller, row);
  await insertConnectionSecrets(
    tx,
    deps.vault,
    { connection: row, ownerId: caller.userId },
    connectionSecrets,
  );
  if (entered) await storeCredential(tx, deps, row, { ...about, entered });
}

/**
 * Creates the connection together with its credential; with `authUrlOnly` it begins a sign-in instead, and stores
 * nothing.
 * @param by how the request describes the connection; one described by properties gets Qlik's tag for that
 * @throws InvalidRequest; AppError NOT-FOUND, ACCESS-DENIED, CONFLICT, QUOTA-EXCEEDED
 */
export async function createConnection(
  deps: ConnectionDependencies,
  caller: Caller,
  body: CreateConnectionBody,
  by: 'properties' | 'statement' = 'properties',
): Promise<{ created: PresentedConnection } | { begun: BegunSignIn }> {
  const { store, catalogue, credentialEntry, quotas } = deps;
  const spaceId = body.space || null;
  const manifest = await catalogue.enabled(caller.tenantId, body.datasourceID);
  const split = splitProperties(manifest, body.connectionProperties);
  const { definition, connectionSecrets, signIn, choice } = split;
  assertDefinition(manifest, definition);
  if (body.qID && body.qEngineObjectID && body.qID !== body.qEngineObjectID)
    throw invalidField('qEngineObjectID', 'must equal qID');
  await assertMayCreateIn(store, caller, spaceId);
  await quotas.assertConnection(caller, spaceId);
  const destination = destinationOf(manifest, definition);
  const connection = { name: body.qName };
  const request = { caller, manifest, split, connectionSecrets, destination, connection };
  if (body.authUrlOnly && isInteractive(signIn.oauth)) return { begun: await credentialEntry.begin(request) };
  const assertConnectionNameFree = async () => {
    const taken = await store.db
      .selectFrom('connection')
      .select('id')
      .where('tenant_id', '=', caller.tenantId)
      .where('scope', '=', scopeOf(caller.userId, spaceId))
      .where('name_key', '=', nameKey(body.qName))
      .executeTakeFirst();
    if (taken) throw nameTaken();
  };
  await assertConnectionNameFree();
  const { name, entered, selected } = await initialCredential(deps, request, body.qName);
  const at = store.clock.iso();
  const described = by === 'properties' ? [propertiesTag(manifest)] : [];
  const row: ConnectionTable = {
    ...newColumns(caller, body.qName, spaceId, at),
    id: body.qID ?? body.qEngineObjectID ?? newUuid(),
    source_id: manifest.id,
    properties: JSON.stringify(definition),
    set_names: JSON.stringify(split.set),
    separated: choice.separateCredentials ? 1 : 0,
    destination,
    qri: qriOf(manifest, definition),
    tags: JSON.stringify([...(body.tags ?? []), ...described]),
  };
  try {
    await storeEntered(store, entered, async (tx) => {
      await storeNew(tx, deps, row, {
        caller,
        manifest,
        connectionSecrets,
        signIn: signIn.id,
        name,
        entered,
      });
      if (selected)
        await linkAndConfirm(tx, caller, { manifest, connection: row, credentialId: selected.id, at });
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await assertConnectionNameFree();
    // Last: the id may belong to another user's connection, which only a request without other faults may learn.
    throw new AppError('CONFLICT', 'qID: this id is taken.');
  }
  return { created: await afterChange(() => present(deps, caller, row)) };
}
