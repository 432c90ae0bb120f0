import { sql } from 'kysely';
import type { Config } from '../config/config.js';
import { AppError } from '../errors/app-error.js';
import type { Db } from '../store/queryable.js';

// Quotas per user and per space: high enough not to matter in normal use, low enough that one user cannot fill the
// store. Counted before the change and not in its transaction, so concurrent requests may exceed them by a few.

export interface QuotaOwner {
  tenantId: string;
  userId: string;
}

/** What each setting limits, as a refusal shows it. */
const rules = {
  connectionsPerUser: {
    table: 'connection',
    limit: (max: number) => `You may own at most ${max} connections`,
    remedy: 'Delete connections you do not need',
  },
  connectionsPerSpace: {
    table: 'connection',
    limit: (max: number) => `This space may have at most ${max} connections`,
    remedy: 'Use another space',
  },
  credentialsPerUser: {
    table: 'credential',
    limit: (max: number) => `You may have at most ${max} credentials`,
    remedy: 'Delete credentials you do not need',
  },
  spacesPerUser: {
    table: 'space',
    limit: (max: number) => `You may own at most ${max} spaces`,
    remedy: 'Delete spaces you do not need',
  },
};

type Conditions = Readonly<Record<string, string | number>>;

export type Quotas = ReturnType<typeof createQuotas>;

export function createQuotas(db: Db, quotas: Config['quotas']) {
  /** Stops counting at the quota. */
  const isFull = async (table: string, where: Conditions, max: number) => {
    if (max === 0) return false;
    const conditions = Object.entries(where).map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
    const { rows } = await sql<{ count: number }>`select count(*) as count from
      (select 1 as n from ${sql.table(table)} where ${sql.join(conditions, sql` and `)} limit ${max}) as counted`.execute(
      db,
    );
    return Number(rows[0]?.count ?? 0) >= max;
  };
  /** @throws AppError QUOTA-EXCEEDED when the quota is reached */
  const assertBelow = async (setting: keyof typeof rules, where: Conditions): Promise<void> => {
    const { table, limit, remedy } = rules[setting];
    const max = quotas[setting];
    if (!(await isFull(table, where, max))) return;
    throw new AppError(
      'QUOTA-EXCEEDED',
      `${limit(max)}. ${remedy}, or ask the operator for more (quotas.${setting}).`,
    );
  };
  const owned = ({ tenantId, userId }: QuotaOwner) => ({ tenant_id: tenantId, owner_id: userId });

  return {
    /** @throws AppError QUOTA-EXCEEDED, as the others */
    async assertConnection(owner: QuotaOwner, spaceId: string | null): Promise<void> {
      await assertBelow('connectionsPerUser', owned(owner));
      const scope = `space:${spaceId}`;
      if (spaceId !== null) await assertBelow('connectionsPerSpace', { tenant_id: owner.tenantId, scope });
    },
    assertCredential: (owner: QuotaOwner) =>
      assertBelow('credentialsPerUser', { ...owned(owner), separated: 1 }),
    assertSpace: (owner: QuotaOwner) => assertBelow('spacesPerUser', owned(owner)),
  };
}
