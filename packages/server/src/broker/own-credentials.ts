import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { AppError } from '../http/app-error.js';
import type { Caller } from '../http/handler.js';
import type { Queryable } from '../store/store.js';
import type { CredentialTable } from '../store/tables.js';
import { nameKey } from './credential-records.js';
import { assertReaches } from './reach.js';

const separatedOf = (db: Queryable, caller: Caller, manifest: SourceManifest) =>
  db
    .selectFrom('credential')
    .where('tenant_id', '=', caller.tenantId)
    .where('owner_id', '=', caller.userId)
    .where('source_id', '=', manifest.id)
    .where('separated', '=', 1);

/**
 * A separated credential of the caller and of this source.
 * @throws AppError NOT-FOUND, the same for foreign and unknown ids; ACCESS-DENIED for one out of the caller's reach
 */
export async function selectedCredential(
  db: Queryable,
  caller: Caller,
  manifest: SourceManifest,
  credentialId: string,
): Promise<CredentialTable> {
  const row = await separatedOf(db, caller, manifest)
    .selectAll()
    .where('id', '=', credentialId.toLowerCase())
    .executeTakeFirst();
  if (!row) throw new AppError('NOT-FOUND', 'You have no credential with this id for this data source.');
  assertReaches(caller, row);
  return row;
}

/** @throws AppError CONFLICT when the caller has a separated credential of this name for this source. */
export async function assertNameFree(
  db: Queryable,
  caller: Caller,
  manifest: SourceManifest,
  name: string,
): Promise<void> {
  const taken = await separatedOf(db, caller, manifest)
    .select('id')
    .where('name_key', '=', nameKey(name))
    .executeTakeFirst();
  if (taken) {
    throw new AppError(
      'CONFLICT',
      'credentialsName: you have a credential of this name for this data source. Choose another name, or use it with selectedCredentials.',
    );
  }
}
