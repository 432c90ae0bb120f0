import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable } from '../../store/tables.js';

type ConnectionRef = Pick<ConnectionTable, 'id' | 'tenant_id'>;

/** Makes this the credential that the user uses on the connection. The caller has checked that it is theirs. */
export async function linkCredential(
  db: Queryable,
  connection: ConnectionRef,
  { userId, credentialId, at }: { userId: string; credentialId: string; at: string },
): Promise<void> {
  await db
    .insertInto('credential_link')
    .values({
      tenant_id: connection.tenant_id,
      connection_id: connection.id,
      user_id: userId,
      credential_id: credentialId,
      created_at: at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'connection_id', 'user_id'])
        .doUpdateSet({ credential_id: credentialId }),
    )
    .execute();
}

/** @param userId absent: the links of all users */
export async function unlinkCredentials(
  db: Queryable,
  connection: ConnectionRef,
  userId?: string,
): Promise<void> {
  let statement = db
    .deleteFrom('credential_link')
    .where('connection_id', '=', connection.id)
    .where('tenant_id', '=', connection.tenant_id);
  if (userId !== undefined) statement = statement.where('user_id', '=', userId);
  await statement.execute();
}
