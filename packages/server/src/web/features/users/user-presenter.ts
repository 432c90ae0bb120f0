import type { UserReply } from '@mooring/contract/routes/users';
import type { UserTable } from '../../../core/store/tables.js';

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
