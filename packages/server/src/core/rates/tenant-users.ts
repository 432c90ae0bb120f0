import type { Db } from '../store/queryable.js';

/** Maximum age of the number of a tenant's users: usually, and when a request would be refused by it. */
const ageMaxMs = { usual: 5000, refusing: 100 };

/** Numbers of active users, cached. */
export interface TenantUsers {
  /** @param refusing the answer refuses a request, so only a number that was read for another refusal will do */
  countOf(tenantId: string, refusing: boolean): Promise<number>;
}

export function createTenantUsers(db: Db, now: () => number): TenantUsers {
  const known = new Map<string, { count: number; at: number; refusing: boolean }>();
  return {
    async countOf(tenantId, refusing) {
      const found = known.get(tenantId);
      const maxMs = refusing ? ageMaxMs.refusing : ageMaxMs.usual;
      if (found && (found.refusing || !refusing) && now() - found.at < maxMs) return found.count;
      const row = await db
        .selectFrom('user')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('tenant_id', '=', tenantId)
        .where('status', '=', 'active')
        .executeTakeFirstOrThrow();
      known.set(tenantId, { count: Number(row.count), at: now(), refusing });
      return Number(row.count);
    },
  };
}
