import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { isInteractive, type SignInMethod } from '@mooring/connectors/interface/sign-in';
import type { ChangeBody } from '@mooring/contract/routes/credential-changes';
import type { Caller } from '../../../core/access/caller.js';
import { assertReaches, nameKey } from '../../../core/credentials/records.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Db } from '../../../core/store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { CredentialChangesDependencies } from './change-dependencies.js';

/** A credential of the caller, with the connections on which they use it. */
export interface Affected {
  credential: CredentialTable;
  manifest: SourceManifest;
  method: SignInMethod;
  connections: readonly ConnectionTable[];
}

const connectionsMax = 100;

/** The owner is part of the statement, even for administrators: users change only their own secrets. */
async function ownCredentials(db: Db, caller: Caller, body: ChangeBody): Promise<CredentialTable[]> {
  let statement = db
    .selectFrom('credential')
    .selectAll()
    .where('tenant_id', '=', caller.tenantId)
    .where('owner_id', '=', caller.userId);
  if (body.name !== undefined) statement = statement.where('name_key', '=', nameKey(body.name));
  const ids = body.qIDs?.map((id) => id.toLowerCase());
  if (ids) statement = statement.where('id', 'in', ids);
  return statement.orderBy('created_at').orderBy('id').execute();
}

/** The connection of an embedded credential, or those that its user linked to a separated one. */
async function connectionsOf(db: Db, credential: CredentialTable): Promise<ConnectionTable[]> {
  const ofTenant = db
    .selectFrom('connection')
    .selectAll('connection')
    .where('connection.tenant_id', '=', credential.tenant_id)
    .orderBy('connection.name_key')
    .orderBy('connection.id');
  if (credential.connection_id !== null)
    return ofTenant.where('connection.id', '=', credential.connection_id).execute();
  return ofTenant
    .innerJoin('credential_link', (join) =>
      join
        .onRef('credential_link.connection_id', '=', 'connection.id')
        .onRef('credential_link.tenant_id', '=', 'connection.tenant_id'),
    )
    .where('credential_link.credential_id', '=', credential.id)
    .where('credential_link.user_id', '=', credential.owner_id)
    .execute();
}

/** Host and port where the connection signs in; its destination for a data source without them. */
export function placeOf(
  { catalogue }: CredentialChangesDependencies,
  manifest: SourceManifest,
  connection: ConnectionTable,
): { host: string; place: string } {
  const target = catalogue.endpoints(manifest, definitionOf(connection)).find(({ role }) => role === 'data');
  if (!target) return { host: '', place: connection.destination };
  return { host: target.host.toLowerCase(), place: `${target.host.toLowerCase()}:${target.port}` };
}

function methodOf(manifest: SourceManifest, credential: CredentialTable): SignInMethod {
  const method = manifest.signIns.find(({ id }) => id === credential.sign_in);
  if (method && !method.oauth) return method;
  const renew = isInteractive(method?.oauth) ? 'authUrlOnly' : 'its new key as connectionProperties';
  throw invalidField(
    'qIDs',
    `the credential ${JSON.stringify(credential.name)} has no password to change: leave it out with qIDs, and renew ` +
      `it with PUT /api/v1/data-connections/{qID}/credential and ${renew}`,
  );
}

/**
 * The credentials that a change selects.
 * @throws AppError NOT-FOUND when the caller has no such credential, or an id is not theirs
 * @throws AppError ACCESS-DENIED when one of them is out of the caller's reach
 * @throws InvalidRequest for credentials without a password, and for more connections than one request may test
 */
export async function affectedBy(
  deps: CredentialChangesDependencies,
  caller: Caller,
  body: ChangeBody,
): Promise<Affected[]> {
  if (!body.datasourceID && !body.host && !body.name && !body.qIDs)
    throw invalidField('datasourceID', 'or host, name or qIDs is required, to select the credentials');
  const { store, catalogue } = deps;
  const source = body.datasourceID === undefined ? undefined : catalogue.get(body.datasourceID).id;
  const rows = await ownCredentials(store.db, caller, body);
  if (body.qIDs && rows.length < new Set(body.qIDs.map((id) => id.toLowerCase())).size)
    throw new AppError('NOT-FOUND', 'qIDs: you have no credential with one of these ids.');
  const affected: Affected[] = [];
  for (const credential of rows) {
    if (source !== undefined && credential.source_id !== source) continue;
    const connections = await connectionsOf(store.db, credential);
    const manifest = catalogue.get(credential.source_id);
    if (body.host !== undefined) {
      const asked = body.host.toLowerCase();
      if (!connections.some((one) => placeOf(deps, manifest, one).host === asked)) continue;
    }
    assertReaches(caller, credential);
    await catalogue.enabled(caller.tenantId, credential.source_id);
    affected.push({ credential, manifest, method: methodOf(manifest, credential), connections });
  }
  if (affected.length === 0) throw new AppError('NOT-FOUND', 'You have no credential that matches.');
  if (affected.reduce((sum, { connections }) => sum + connections.length, 0) > connectionsMax)
    throw invalidField(
      'qIDs',
      `these credentials have more than ${connectionsMax} connections; change fewer credentials at once`,
    );
  return affected;
}
