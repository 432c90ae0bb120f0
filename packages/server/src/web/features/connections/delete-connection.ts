import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { recordConnection } from '../../../core/audit/record.js';
import { shredConnectionSecrets } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { RevisedBy } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { deleteConnection as deleteRow } from './connection-rows.js';

/** Deletes the connection, its secrets and its embedded credential, whose grant is revoked afterwards. */
export async function deleteConnection(
  { store, revoker }: ConnectionDependencies,
  { caller, revision }: RevisedBy<'connection'>,
  { row, privileges }: AccessibleConnection,
): Promise<void> {
  if (!privileges.includes('delete'))
    throw new AppError('ACCESS-DENIED', 'You may see this connection, but not delete it.');
  await store.transaction(async (tx) => {
    await revision.check(tx);
    await revoker.end(tx, { tenantId: row.tenant_id, connectionId: row.id }, { by: caller });
    await shredConnectionSecrets(tx, row.tenant_id, row.id);
    await deleteRow(tx, row);
    await recordConnection(tx, 'deleted', caller, row);
  });
  revoker.kick();
}
