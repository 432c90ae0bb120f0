import type { updateConnection as updateRoute } from '@mooring/contract/routes/data-connection-changes';
import type { z } from 'zod';
import { loginPair } from '../../../core/credentials/records.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { connectionSecret } from './connection-secret.js';
import type { ConnectionUpdate } from './connection-update.js';
import { type ConnectionLookup, lookUp } from './lookup.js';
import { present } from './presented-connections.js';
import { restatedProperties, statementOf, withLogin } from './stated-properties.js';
import { propertiesOf, updateConnection } from './update-connection.js';

type PutBody = z.output<typeof updateRoute.body>;

/** @throws InvalidRequest for members that name another connection or data source */
function assertSameConnection(body: PutBody, row: ConnectionTable): void {
  if (body.qID !== row.id)
    throw new InvalidRequest([{ field: 'qID', message: 'must be the id of the connection' }]);
  if (body.qEngineObjectID !== row.id)
    throw new InvalidRequest([{ field: 'qEngineObjectID', message: 'must equal qID' }]);
  if (body.datasourceID !== undefined && body.datasourceID.toLowerCase() !== row.source_id.toLowerCase()) {
    throw new InvalidRequest([{ field: 'datasourceID', message: 'cannot be changed' }]);
  }
}

/** Updates a connection to the body. @returns names of secret members that are ignored */
export async function putConnection(
  deps: ConnectionDependencies,
  by: RevisedBy<'connection'>,
  lookup: ConnectionLookup,
  body: PutBody,
): Promise<string[]> {
  const { caller } = by;
  const found = await lookUp(deps, by, lookup);
  const { row } = found;
  const manifest = deps.catalogue.get(row.source_id);
  assertSameConnection(body, row);
  const isSame = body.qConnectStatement === statementOf(row, manifest);
  const stored = propertiesOf(manifest, row);
  const parsed = isSame ? stored : restatedProperties(row, manifest, body.qConnectStatement);
  const { credential } = await present(deps, caller, row);
  const wantsCredential = body.qCredentialsID !== undefined && body.qCredentialsID !== (credential?.id ?? '');
  // An embedded credential is never chosen, so the owner who names a credential means a separated one of theirs.
  const separates = wantsCredential && body.qCredentialsID !== '' && row.owner_id === caller.userId;
  const separateCredentials =
    separates || (body.qSeparateCredentials ?? parsed['separateCredentials'] ?? row.separated === 1);
  const secret = connectionSecret(manifest, parsed, body.qConnectionSecret);
  const given = { ...parsed, ...secret.properties, separateCredentials };
  const properties = withLogin(manifest, given, loginPair(body));
  if (body.qCredentialsName && body.qPassword !== undefined)
    properties['credentialsName'] = body.qCredentialsName;
  const isPropertyUpdate =
    JSON.stringify(properties) !== JSON.stringify({ ...stored, separateCredentials: row.separated === 1 });
  const update: ConnectionUpdate = {
    ...(body.qName === row.name ? {} : { name: body.qName }),
    ...(isPropertyUpdate ? { properties } : {}),
    ...(body.space === undefined ? {} : { spaceId: body.space || null }),
    ...(wantsCredential ? { credentialId: body.qCredentialsID || null } : {}),
  };
  await updateConnection(deps, by, found, update);
  return secret.ignored;
}
