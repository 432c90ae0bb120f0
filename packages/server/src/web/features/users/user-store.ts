import { AppError } from '../../../core/errors/app-error.js';
import type { FilterColumns } from '../../../core/filter/scim-filter.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { UserTable } from '../../../core/store/tables.js';
import type { ListOrder } from '../../http/keyset.js';
import { rolesOf } from './user-presenter.js';

export const filterColumns: FilterColumns = {
  id: { column: 'user.id', kind: 'text' },
  subject: { column: 'user.subject', kind: 'text' },
  name: { column: 'user.name', kind: 'text' },
  email: { column: 'user.email', kind: 'text' },
  status: { column: 'user.status', kind: 'text' },
  clientid: { column: 'user.client_id', kind: 'text' },
  createdat: { column: 'user.created_at', kind: 'instant' },
  lastupdatedat: { column: 'user.updated_at', kind: 'instant' },
};

export const userOrder: ListOrder = {
  sorts: {
    name: 'user.name',
    subject: 'user.subject',
    status: 'user.status',
    createdAt: 'user.created_at',
    lastUpdatedAt: 'user.updated_at',
  },
  idColumn: 'user.id',
  sortDefault: '+id',
  limitDefault: 100,
};

export const unknownUser = () => new AppError('NOT-FOUND', 'There is no such user.');

export async function loadUser(
  db: Queryable,
  tenantId: string,
  where: { id: string } | { email: string },
): Promise<UserTable | undefined> {
  const statement = db.selectFrom('user').selectAll().where('tenant_id', '=', tenantId);
  return (
    'id' in where
      ? statement.where('id', '=', where.id)
      : statement.where((eb) => eb(eb.fn<string>('lower', ['email']), '=', where.email.toLowerCase()))
  ).executeTakeFirst();
}

/**
 * @param now ISO 8601
 * @throws AppError CONFLICT when no other user could administer the tenant; that needs a valid API key
 */
export async function assertNotLastAdministrator(db: Queryable, user: UserTable, now: string): Promise<void> {
  if (user.status !== 'active' || !rolesOf(user).includes('TenantAdmin')) return;
  const other = await db
    .selectFrom('user')
    .select('id')
    .where('tenant_id', '=', user.tenant_id)
    .where('id', '<>', user.id)
    .where('status', '=', 'active')
    .where('client_id', 'is', null)
    .where('roles', 'like', '%"TenantAdmin"%')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('api_key')
        .select('user_id')
        .where('tenant_id', '=', user.tenant_id)
        .where('revoked_at', 'is', null)
        .where('scopes', 'is', null)
        .where((key) => key.or([key('expires_at', 'is', null), key('expires_at', '>', now)])),
    )
    .limit(1)
    .executeTakeFirst();
  if (other) return;
  throw new AppError(
    'CONFLICT',
    'This is the last tenant administrator with an API key. First appoint another one and let them make a key.',
  );
}
