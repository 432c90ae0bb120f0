import { formerShard, type Heads, noHead } from './chain.js';
import { type Checkpoint, checkpointAt, checkpointsAfter } from './checkpoints.js';
import { BrokenError, type Proof } from './proof.js';
import { walkShard } from './walk-records.js';

/** Records after the last checkpoint. @throws BrokenError */
async function walkTail(proof: Proof, last: Checkpoint): Promise<void> {
  const { db, kept } = proof;
  const seen = new Map(kept.seen);
  const rows = await db
    .selectFrom('use_shard as head')
    .select(['head.shard', 'head.seq', 'head.hash'])
    // In one statement with the head, so that both are of the same moment.
    .select((eb) =>
      eb
        .selectFrom('use_record')
        .select((max) => max.fn.max('use_record.seq').as('seq'))
        .whereRef('use_record.tenant_id', '=', 'head.tenant_id')
        .whereRef('use_record.shard', '=', 'head.shard')
        .as('lastSeq'),
    )
    .where('head.tenant_id', '=', kept.tenantId)
    .execute();
  const heads: Heads = new Map(rows.map(({ shard, seq, hash }) => [shard, { seq, hash }]));
  for (const [shard, signed] of last.heads) {
    if (shard === formerShard) continue;
    const head = heads.get(shard);
    if (!head) throw new BrokenError({ shard, seq: signed.seq, problem: 'head missing' });
    if (head.seq < signed.seq) throw new BrokenError({ shard, seq: head.seq, problem: 'set back' });
  }
  const first = await checkpointAt(db, proof.keyOf, kept.tenantId, last.keptFrom);
  for (const { shard, seq, hash, lastSeq } of rows.toSorted((a, b) => a.shard - b.shard)) {
    // A shard whose records were all deleted has a head without a record.
    const end = lastSeq === null && seq <= (first?.heads.get(shard)?.seq ?? 0) ? seq : Number(lastSeq ?? 0);
    if (seq < (seen.get(shard)?.seq ?? 0) || seq < end)
      throw new BrokenError({ shard, seq, problem: 'set back' });
    if (seq > end) throw new BrokenError({ shard, seq: end + 1, problem: 'cut off' });
    const from = last.heads.get(shard) ?? noHead;
    if (from.seq === seq && from.hash !== hash) throw new BrokenError({ shard, seq, problem: 'changed' });
    const marks = [{ seq, hash, number: last.number + 1 }];
    await walkShard(proof, { shard, from, marks, key: kept.key.key });
  }
}

/**
 * @returns false when the log grew during the proof and has another checkpoint to use
 * @throws BrokenError
 */
export async function isTailWhole(proof: Proof, last: Checkpoint): Promise<boolean> {
  const { db, kept, records, until } = proof;
  try {
    // Bounded by what is written between two checkpoints.
    proof.until = Number.POSITIVE_INFINITY;
    await walkTail(proof, last);
    return true;
  } catch (error) {
    // The statements read at different moments. A checkpoint written in between is proven like any other.
    const [next] =
      error instanceof BrokenError ? await checkpointsAfter(db, kept.tenantId, last.number, 1) : [];
    if (!next) throw error;
    Object.assign(proof, { records, until });
    return false;
  }
}
