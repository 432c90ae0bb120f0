import { sql } from 'kysely';
import { InvalidRequest } from '../http/app-error.js';
import type { Db } from '../store/store.js';

// Uses with their outcomes, in the order of their beginnings.

/** Which uses; every member narrows. */
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

/** Where a list goes on: the last use that it had. */
export interface UsePosition {
  at: string;
  shard: number;
  seq: number;
}

export const cursorOf = ({ at, shard, seq }: UsePosition): string => `${at}_${shard}_${seq}`;

/** @throws InvalidRequest */
export function readCursor(text: string): UsePosition {
  const [, at, shard, seq] = /^(\d{4}-[\d:.TZ-]{12,25})_(-1|\d{1,2})_(\d{1,15})$/.exec(text) ?? [];
  if (at !== undefined) return { at, shard: Number(shard), seq: Number(seq) };
  throw new InvalidRequest([
    { field: 'next', message: 'is not a cursor of this list; follow links.next.href as it is' },
  ]);
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
    .selectAll('begun')
    .select(['ended.result as outcome', 'ended.rows as rowsGiven', 'ended.bytes as bytesGiven'])
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

export type ListedUse = Awaited<ReturnType<typeof listUses>>[number];
