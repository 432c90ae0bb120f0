import type { UseRecordTable } from '../store/tables.js';
import { formerShard, type Head, headsOf, isOnChain, noHead, recordsOf } from './chain.js';
import { type Checkpoint, checkpointAt, checkpointsAfter, follows, readCheckpoint } from './checkpoints.js';
import { type Broken, BrokenError, PausedError, type Position, type Proof } from './proof.js';

const recordsAtOnce = 1_000;

/** A head, and the checkpoint that signed it. */
interface Mark extends Head {
  number: number;
}

interface Walk {
  shard: number;
  from: Head;
  /** In order; the last is the end. */
  marks: readonly Mark[];
  key: Buffer | undefined;
}

/** @throws BrokenError, PausedError */
async function walkShard(proof: Proof, { shard, from, marks, key }: Walk): Promise<void> {
  const { db, kept } = proof;
  const end = marks.at(-1)?.seq ?? from.seq;
  const stop = (seq: number, problem: Broken['problem']) => new BrokenError({ shard, seq, problem });
  const left = marks.filter(({ seq }) => seq > from.seq);
  let at = from;
  const step = (row: UseRecordTable): void => {
    const [mark] = left;
    if (row.seq !== at.seq + 1) throw stop(at.seq + 1, 'missing');
    if (!isOnChain(key ?? Buffer.alloc(0), row, at.hash)) throw stop(row.seq, 'changed');
    if (mark && (row.checkpoint ?? 0) >= mark.number) {
      // Written after a checkpoint that is missing.
      throw new BrokenError({ seq: row.checkpoint ?? 0, problem: 'missing' });
    }
    if (mark?.seq === row.seq && mark.hash !== row.hash) throw stop(row.seq, 'changed');
    while (left[0] && left[0].seq <= row.seq) left.shift();
    at = { seq: row.seq, hash: row.hash };
  };
  while (at.seq < end) {
    const rows: UseRecordTable[] = await recordsOf(db, kept.tenantId, shard)
      .selectAll()
      .where('seq', '>', at.seq)
      .where('seq', '<=', end)
      .orderBy('seq')
      .limit(recordsAtOnce)
      .execute();
    if (rows.length === 0) throw stop(at.seq + 1, 'cut off');
    for (const row of rows) step(row);
    proof.records += rows.length;
    if (performance.now() > proof.until && at.seq < end) throw new PausedError(shard, at.seq);
  }
}

async function hashAt({ db, kept }: Proof, shard: number, seq: number): Promise<Head> {
  const row = await recordsOf(db, kept.tenantId, shard)
    .select('hash')
    .where('seq', '=', seq)
    .executeTakeFirst();
  if (!row) throw new BrokenError({ shard, seq, problem: 'missing' });
  return { seq, hash: row.hash };
}

/** The checkpoints of one window, each chained to the previous one. @throws BrokenError */
export async function readWindow(
  { db, kept, keyOf }: Proof,
  from: Checkpoint,
  most: number,
): Promise<Checkpoint[]> {
  const found: Checkpoint[] = [];
  let before = from;
  for (const row of await checkpointsAfter(db, kept.tenantId, from.number, most)) {
    const { number } = row;
    if (number !== before.number + 1) {
      throw new BrokenError({ seq: before.number + 1, problem: 'missing' });
    }
    const next = readCheckpoint(row, before, await keyOf(row.key_version));
    if (!next || !follows(before, next, row)) throw new BrokenError({ seq: number, problem: 'changed' });
    found.push(next);
    before = next;
  }
  return found;
}

/** Records between the checkpoints of a window, shard by shard. @throws BrokenError, PausedError */
export async function walkWindow(
  proof: Proof,
  start: Checkpoint,
  window: readonly Checkpoint[],
  resumed: Position | undefined,
): Promise<void> {
  const shards = [...(window.at(-1)?.heads.keys() ?? [])].toSorted((a, b) => a - b);
  for (const shard of shards) {
    if (resumed && shard < resumed.shard) continue;
    let from = start.heads.get(shard) ?? noHead;
    if (resumed?.shard === shard && resumed.seq > from.seq) from = await hashAt(proof, shard, resumed.seq);
    let version = start.keyVersion;
    // Each key needs its own walk; records under one key are walked at once.
    const walks: { version: number; marks: Mark[] }[] = [];
    for (const { number, heads, keyVersion } of window) {
      const head = heads.get(shard);
      const last = walks.at(-1);
      const mark = head && { ...head, number };
      if (mark && last?.version === version) last.marks.push(mark);
      else if (mark) walks.push({ version, marks: [mark] });
      version = keyVersion;
    }
    for (const walk of walks) {
      const to = walk.marks.at(-1) ?? from;
      if (to.seq <= from.seq) continue;
      await walkShard(proof, { shard, from, marks: walk.marks, key: await proof.keyOf(walk.version) });
      from = to;
    }
  }
}

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
  const heads = headsOf(rows);
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
