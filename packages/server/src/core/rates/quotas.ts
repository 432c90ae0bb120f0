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

export interface Quotas {
  /** @throws AppError QUOTA-EXCEEDED when the quota is reached */
  assertConnection(owner: QuotaOwner, spaceId: string | null): Promise<void>;
  assertCredential(owner: QuotaOwner): Promise<void>;
  assertSpace(owner: QuotaOwner): Promise<void>;
}

const exceeded = (limit: string, setting: string, remedy: string) =>
  new AppError('QUOTA-EXCEEDED', `${limit}. ${remedy}, or ask the operator for more (quotas.${setting}).`);

export function createQuotas(db: Db, quotas: Config['quotas']): Quotas {
  /** Stops counting at the quota. */
  const isFull = async (table: string, where: Readonly<Record<string, string | number>>, max: number) => {
    if (max === 0) return false;
    const conditions = Object.entries(where).map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
    const { rows } = await sql<{ count: number }>`select count(*) as count from
      (select 1 as n from ${sql.table(table)} where ${sql.join(conditions, sql` and `)} limit ${max}) as counted`.execute(
      db,
    );
    return Number(rows[0]?.count ?? 0) >= max;
  };
  const owned = ({ tenantId, userId }: QuotaOwner) => ({ tenant_id: tenantId, owner_id: userId });

  return {
    async assertConnection(owner, spaceId) {
      const { connectionsPerUser, connectionsPerSpace } = quotas;
      if (await isFull('connection', owned(owner), connectionsPerUser)) {
        throw exceeded(
          `You may own at most ${connectionsPerUser} connections`,
          'connectionsPerUser',
          'Delete connections you do not need',
        );
      }
      if (spaceId === null) return;
      const inSpace = { tenant_id: owner.tenantId, scope: `space:${spaceId}` };
      if (await isFull('connection', inSpace, connectionsPerSpace)) {
        throw exceeded(
          `This space may have at most ${connectionsPerSpace} connections`,
          'connectionsPerSpace',
          'Use another space',
        );
      }
    },
    async assertCredential(owner) {
      const { credentialsPerUser: max } = quotas;
      if (await isFull('credential', { ...owned(owner), separated: 1 }, max)) {
        throw exceeded(
          `You may have at most ${max} credentials`,
          'credentialsPerUser',
          'Delete credentials you do not need',
        );
      }
    },
    async assertSpace(owner) {
      const { spacesPerUser: max } = quotas;
      if (await isFull('space', owned(owner), max)) {
        throw exceeded(`You may own at most ${max} spaces`, 'spacesPerUser', 'Delete spaces you do not need');
      }
    },
  };
}
