import { record } from '../audit/record.js';
import { newObjectId } from '../crypto/random.js';
import { InvalidRequest } from '../errors/app-error.js';
import type { Tx } from '../store/queryable.js';
import type { UserTable } from '../store/tables.js';
import type { Caller } from './caller.js';

/** @param at ISO 8601, by the store's clock @throws InvalidRequest naming `subject` */
export function newUser(
  caller: Caller,
  user: { subject: string; name: string; email: string | null; roles: string[] },
  at: string,
): UserTable {
  // The prefix is reserved for the machine users of OAuth clients.
  if (/^qlikbot\\/i.test(user.subject)) {
    throw new InvalidRequest([{ field: 'subject', message: 'must not begin with qlikbot\\' }]);
  }
  return {
    ...user,
    id: newObjectId(),
    tenant_id: caller.tenantId,
    status: 'active',
    roles: JSON.stringify([...new Set(user.roles)]),
    client_id: null,
    created_at: at,
    updated_at: at,
  };
}

export async function insertUser(tx: Tx, caller: Caller, row: UserTable): Promise<void> {
  await tx.insertInto('user').values(row).execute();
  await record(tx, { name: 'user.created', by: caller, resourceId: row.id, data: { subject: row.subject } });
}
