import type { UserReply } from '@mooring/contract/routes/users';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { userById } from '../../../core/access/users.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { FilterColumns } from '../../../core/filter/scim-filter.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { UserTable } from '../../../core/store/tables.js';
import type { ListOrder } from '../../http/keyset.js';

export interface UsersDependencies {
  store: Store;
  authenticator: Authenticator;
  offboarding: Offboarding;
  publicUrl: () => string;
  /** Longest read; 0: no limit. */
  readSeconds: number;
}

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
};

export const assertAdministrator = (caller: Caller): void =>
  assertTenantAdministrator(caller, 'add, change or delete users');

export const rolesOf = (row: Pick<UserTable, 'roles'>): string[] => JSON.parse(row.roles) as string[];

export function presentUser(row: UserTable, publicUrl: string): UserReply {
  const roles = rolesOf(row);
  return {
    id: row.id,
    tenantId: row.tenant_id,
    subject: row.subject,
    name: row.name,
    ...(row.email === null ? {} : { email: row.email }),
    ...(row.client_id === null ? {} : { clientId: row.client_id }),
    status: row.status,
    roles,
    assignedRoles: roles.map((name) => ({ id: name, name, type: 'default', level: 'admin' })),
    created: row.created_at,
    createdAt: row.created_at,
    lastUpdated: row.updated_at,
    lastUpdatedAt: row.updated_at,
    links: { self: { href: `${publicUrl}/api/v1/users/${row.id}` } },
  };
}

/** @throws AppError NOT-FOUND */
export async function findUser(db: Queryable, { tenantId }: Caller, id: string): Promise<UserTable> {
  const row = await userById(db, tenantId, id.toLowerCase());
  if (!row) throw new AppError('NOT-FOUND', 'There is no such user.');
  return row;
}

/** @throws AppError CONFLICT */
export function assertNotMachine({ client_id }: UserTable): void {
  if (client_id === null) return;
  throw new AppError('CONFLICT', 'This is the machine user of an OAuth client. Delete the client instead.');
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
