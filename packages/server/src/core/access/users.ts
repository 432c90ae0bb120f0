import { record } from '../audit/record.js';
import { newObjectId } from '../crypto/random.js';
import { invalidField } from '../errors/app-error.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { UserTable } from '../store/tables.js';
import type { Caller } from './caller.js';

const usersOf = (db: Queryable, tenantId: string) =>
  db.selectFrom('user').selectAll().where('tenant_id', '=', tenantId);

export const userById = (db: Queryable, tenantId: string, id: string): Promise<UserTable | undefined> =>
  usersOf(db, tenantId).where('id', '=', id).executeTakeFirst();

export const userByEmail = (db: Queryable, tenantId: string, email: string): Promise<UserTable | undefined> =>
  usersOf(db, tenantId)
    .where((eb) => eb(eb.fn<string>('lower', ['email']), '=', email.toLowerCase()))
    .executeTakeFirst();

/** @param at ISO 8601, by the store's clock @throws InvalidRequest naming `subject` */
export function newUser(
  caller: Caller,
  user: { subject: string; name: string; email: string | null; roles: string[] },
  at: string,
): UserTable {
  // The prefix is reserved for the machine users of OAuth clients.
  if (/^qlikbot\\/i.test(user.subject)) {
    throw invalidField('subject', 'must not begin with qlikbot\\');
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
