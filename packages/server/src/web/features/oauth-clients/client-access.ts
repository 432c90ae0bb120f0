import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { OAuthClientTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';

export interface OAuthClientsDependencies {
  store: Store;
  authenticator: Authenticator;
  hashToken: HashToken;
  offboarding: Offboarding;
  publicUrl: () => string;
}

export function assertAdministrator(caller: Caller): void {
  if (!isAdministratorOf(caller, 'personal')) {
    throw new AppError('ACCESS-DENIED', 'Only tenant administrators may see or change OAuth clients.');
  }
}

/** @throws AppError ACCESS-DENIED, NOT-FOUND */
export async function findClient(db: Queryable, caller: Caller, id: string): Promise<OAuthClientTable> {
  assertAdministrator(caller);
  const row = await db
    .selectFrom('oauth_client')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', caller.tenantId)
    .executeTakeFirst();
  if (!row) throw new AppError('NOT-FOUND', 'There is no such OAuth client.');
  return row;
}
