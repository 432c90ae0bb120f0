import type { Caller } from '../../../core/access/caller.js';
import { nameKey } from '../../../core/credentials/records.js';
import type { CallersCredential } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { PresentedConnection } from './connection-presenter.js';

/**
 * The credential that a request names to see a connection with: the embedded one of the connection, or a separated
 * one of the caller and of its source. Shown, not linked.
 * @throws AppError NOT-FOUND, the same for unknown and foreign ones
 */
export async function chosenCredential(
  db: Queryable,
  caller: Caller,
  { row, credential }: PresentedConnection,
  idOrName: string,
  isName: boolean,
): Promise<CallersCredential> {
  const wanted = isName ? nameKey(idOrName) : idOrName.toLowerCase();
  const isEmbedded = row.separated === 0;
  const embedded =
    isEmbedded && credential && (isName ? nameKey(credential.name) : credential.id) === wanted
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
        .where(isName ? 'name_key' : 'id', '=', wanted)
        .executeTakeFirst();
  if (!found)
    throw new AppError('NOT-FOUND', 'credentialId: you have no such credential for this connection.');
  return found;
}
