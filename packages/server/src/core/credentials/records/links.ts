import { type Argument, compileOnce } from '../../store/compile-once.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable } from '../../store/tables.js';

type ConnectionRef = Pick<ConnectionTable, 'id' | 'tenant_id'>;

type Link = Record<'tenantId' | 'connectionId' | 'userId' | 'credentialId' | 'at', string>;

const link = compileOnce((db, argument: Argument<Link>) =>
  db
    .insertInto('credential_link')
    .values({
      tenant_id: argument('tenantId'),
      connection_id: argument('connectionId'),
      user_id: argument('userId'),
      credential_id: argument('credentialId'),
      created_at: argument('at'),
    })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'connection_id', 'user_id'])
        .doUpdateSet({ credential_id: argument('credentialId') }),
    ),
);

/** Makes this the credential that the user uses on the connection. The caller has checked that it is theirs. */
export async function linkCredential(
  db: Queryable,
  connection: ConnectionRef,
  { userId, credentialId, at }: { userId: string; credentialId: string; at: string },
): Promise<void> {
  const { tenant_id: tenantId, id: connectionId } = connection;
  await link(db, { tenantId, connectionId, userId, credentialId, at });
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
