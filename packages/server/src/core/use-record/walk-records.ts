import type { UseRecordTable } from '../store/tables.js';
import { type Head, isOnChain, noHead } from './chain.js';
import { type Checkpoint, checkpointsAfter, follows, readCheckpoint } from './checkpoints.js';
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
export async function walkShard(proof: Proof, { shard, from, marks, key }: Walk): Promise<void> {
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
    const rows: UseRecordTable[] = await db
      .selectFrom('use_record')
      .selectAll()
      .where('tenant_id', '=', kept.tenantId)
      .where('shard', '=', shard)
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
  const row = await db
    .selectFrom('use_record')
    .select('hash')
    .where('tenant_id', '=', kept.tenantId)
    .where('shard', '=', shard)
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
