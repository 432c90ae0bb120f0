import type { Queryable } from '../store/queryable.js';
import { formerShard, type Head } from './chain.js';
import type { KeptRecord } from './kept-record.js';

/** Whether the log still contains a head that was noted earlier: of a checkpoint, or of the chain of version 0.1. */
export async function hasHead(
  db: Queryable,
  { tenantId, checkpoint }: KeptRecord,
  { seq, hash }: Head,
): Promise<boolean | 'no longer kept'> {
  const signed = await db
    .selectFrom('use_checkpoint')
    .select('hash')
    .where('tenant_id', '=', tenantId)
    .where('number', '=', seq)
    .executeTakeFirst();
  if (signed?.hash === hash) return true;
  const former = await db
    .selectFrom('use_record')
    .select('hash')
    .where('tenant_id', '=', tenantId)
    .where('shard', '=', formerShard)
    .where('seq', '=', seq)
    .executeTakeFirst();
  if (former?.hash === hash) return true;
  return seq < checkpoint.keptFrom ? 'no longer kept' : false;
}
