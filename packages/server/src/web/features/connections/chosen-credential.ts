import type { Caller } from '../../../core/access/caller.js';
import { nameKey } from '../../../core/credentials/records.js';
import type { ShownCredential } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { PresentedConnection } from './presented-connections.js';

/**
 * The credential that a request wants to see a connection with: the embedded one of the connection, or a separated
 * one of the caller for the same data source. It is shown, not linked.
 * @param wanted id or name
 * @throws AppError NOT-FOUND, the same for unknown credentials and those of other users
 */
export async function chosenCredential(
  db: Queryable,
  caller: Caller,
  { row, credential }: PresentedConnection,
  wanted: { id: string } | { name: string },
): Promise<ShownCredential> {
  const column = 'name' in wanted ? 'name_key' : 'id';
  const value = 'name' in wanted ? nameKey(wanted.name) : wanted.id.toLowerCase();
  const isEmbedded = row.separated === 0;
  const embedded =
    isEmbedded && credential && ('name' in wanted ? nameKey(credential.name) : credential.id) === value
      ? credential
      : undefined;
  const found = isEmbedded
    ? embedded
    : await db
        .selectFrom('credential')
        .select(['id', 'name'])
        .where('tenant_id', '=', caller.tenantId)
        .where('owner_id', '=', caller.userId)
        .where('source_id', '=', row.source_id)
        .where('separated', '=', 1)
        .where(column, '=', value)
        .executeTakeFirst();
  if (!found)
    throw new AppError('NOT-FOUND', 'credentialId: you have no such credential for this connection.');
  return found;
}
