import type { Queryable } from '../../../core/store/queryable.js';
import type { UserTable } from '../../../core/store/tables.js';

export function loadUser(db: Queryable, tenantId: string, id: string): Promise<UserTable | undefined> {
  return db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
}
