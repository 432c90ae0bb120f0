import { sql } from 'kysely';
import { invalidField } from '../errors/app-error.js';
import { countRows } from '../store/count-rows.js';
import type { Db, Queryable } from '../store/queryable.js';
import type { UseRecordTable } from '../store/tables.js';
import { formerShard } from './chain.js';

// Uses with their outcomes, in order of their start.

/** Filter; every member narrows it. */
export interface UseFilter {
  tenantId: string;
  userId?: string | undefined;
  connectionId?: string | undefined;
  spaceId?: string | undefined;
  credentialId?: string | undefined;
  credentialOwnerId?: string | undefined;
  /** Instants as the store keeps them. */
  from?: string | undefined;
  to?: string | undefined;
}

/** Where a list continues: the last use of the previous page. */
export type UsePosition = Pick<UseRecordTable, 'at' | 'shard' | 'seq'>;

/** By hash, which only the key of the log can produce: the place in a shard would reveal other uses. */
export const cursorOf = ({ at, hash }: Pick<ListedUse, 'at' | 'hash'>): string => `${at}_${hash}`;

/**
 * Start of the next page of a list, latest first.
 * @throws InvalidRequest
 */
export async function positionAt(db: Db, tenantId: string, cursor: string): Promise<UsePosition> {
  const [, at, hash] = /^(\d{4}-[\d:.TZ-]{12,25})_([\w-]{43})$/.exec(cursor) ?? [];
  if (at === undefined || hash === undefined) {
    throw invalidField('next', 'is not a page token of this list; follow links.next.href unchanged');
  }
  const found = await db
    .selectFrom('use_record')
    .select(['at', 'shard', 'seq'])
    .where('tenant_id', '=', tenantId)
    .where('at', '=', at)
    .where('of_seq', 'is', null)
    .where('hash', '=', hash)
    .executeTakeFirst();
  // It may have been deleted since, with everything before it.
  return found ?? { at, shard: formerShard, seq: 0 };
}

export interface UsePage {
  after?: UsePosition | undefined;
  order: 'oldest first' | 'latest first';
  limit: number;
}

export async function listUses(db: Db, filter: UseFilter, { after, order, limit }: UsePage) {
  const isForward = order === 'oldest first';
  let query = db
    .selectFrom('use_record as begun')
    .leftJoin('use_record as ended', (join) =>
      join
        .onRef('ended.tenant_id', '=', 'begun.tenant_id')
        .onRef('ended.shard', '=', 'begun.shard')
        .onRef('ended.of_seq', '=', 'begun.seq'),
    )
    .leftJoin('api_key', 'api_key.id', 'begun.via_id')
    .selectAll('begun')
    .select([
      'ended.result as outcome',
      'ended.rows as rowsGiven',
      'ended.bytes as bytesGiven',
      'api_key.invited_by',
    ])
    .where('begun.tenant_id', '=', filter.tenantId)
    .where('begun.of_seq', 'is', null);
  const equal = [
    ['begun.user_id', filter.userId],
    ['begun.connection_id', filter.connectionId],
    ['begun.space_id', filter.spaceId],
    ['begun.credential_id', filter.credentialId],
    ['begun.credential_owner_id', filter.credentialOwnerId],
  ] as const;
  for (const [column, value] of equal) if (value !== undefined) query = query.where(column, '=', value);
  if (filter.from !== undefined) query = query.where('begun.at', '>=', filter.from);
  if (filter.to !== undefined) query = query.where('begun.at', '<', filter.to);
  if (after) {
    const beyond = sql.raw(isForward ? '>' : '<');
    query = query.where(
      sql<boolean>`(begun.at, begun.shard, begun.seq) ${beyond} (${after.at}, ${after.shard}, ${after.seq})`,
    );
  }
  const direction = isForward ? 'asc' : 'desc';
  return query
    .orderBy('begun.at', direction)
    .orderBy('begun.shard', direction)
    .orderBy('begun.seq', direction)
    .limit(limit)
    .execute();
}

/**
 * Uses by the user, and by others with the user's credentials, that began at `from` or later and have no outcome:
 * they are running, or their node ended before it could record one.
 */
export function countRunningUses(
  db: Queryable,
  { tenantId, userId, from }: { tenantId: string; userId: string; from: string },
): Promise<number> {
  const running = db
    .selectFrom('use_record as begun')
    .where('begun.tenant_id', '=', tenantId)
    .where('begun.of_seq', 'is', null)
    .where('begun.at', '>=', from)
    .where((eb) => eb.or([eb('begun.user_id', '=', userId), eb('begun.credential_owner_id', '=', userId)]))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('use_record as ended')
            .select('ended.seq')
            .whereRef('ended.tenant_id', '=', 'begun.tenant_id')
            .whereRef('ended.shard', '=', 'begun.shard')
            .whereRef('ended.of_seq', '=', 'begun.seq'),
        ),
      ),
    );
  return countRows(running);
}

export type ListedUse = Awaited<ReturnType<typeof listUses>>[number];
