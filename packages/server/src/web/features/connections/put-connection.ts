import type { UpdateConnectionBody } from '@mooring/contract/routes/data-connection-changes';
import type { Caller } from '../../../core/access/caller.js';
import { loginPair } from '../../../core/credentials/records.js';
import { credentialShownTo } from '../../../core/credentials/resolve.js';
import { invalidField } from '../../../core/errors/app-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import type { ConnectionUpdate } from './connection-rights.js';
import {
  connectionSecret,
  propertiesOf,
  restatedProperties,
  statementOf,
  withLogin,
} from './stated-properties.js';

/** @throws InvalidRequest for members that name another connection or data source */
function assertSameConnection(body: UpdateConnectionBody, row: ConnectionTable): void {
  if (body.qID !== row.id) throw invalidField('qID', 'must be the id of the connection');
  if (body.qEngineObjectID !== row.id) throw invalidField('qEngineObjectID', 'must equal qID');
  if (body.datasourceID !== undefined && body.datasourceID.toLowerCase() !== row.source_id.toLowerCase())
    throw invalidField('datasourceID', 'cannot be changed');
}

/** What a PUT changes. @returns also the names of secret members that are ignored */
export async function updateOfPut(
  { store, catalogue }: ConnectionDependencies,
  caller: Caller,
  row: ConnectionTable,
  body: UpdateConnectionBody,
): Promise<{ update: ConnectionUpdate; ignored: string[] }> {
  const manifest = catalogue.get(row.source_id);
  assertSameConnection(body, row);
  const isSame = body.qConnectStatement === statementOf(row, manifest);
  const stored = propertiesOf(manifest, row);
  const parsed = isSame ? stored : restatedProperties(row, manifest, body.qConnectStatement);
  const credential = await credentialShownTo(store.db, caller.userId, row);
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
  const update = {
    ...(body.qName === row.name ? {} : { name: body.qName }),
    ...(isPropertyUpdate ? { properties } : {}),
    ...(body.space === undefined ? {} : { spaceId: body.space || null }),
    ...(wantsCredential ? { credentialId: body.qCredentialsID || null } : {}),
  };
  return { update, ignored: secret.ignored };
}
