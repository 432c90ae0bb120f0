import type { Queryable } from '../store/queryable.js';
import type { UseRecordTable } from '../store/tables.js';
import { formerShard, type Head, type Heads, isOnChain, noHead } from './chain.js';
import {
  type Checkpoint,
  checkpointAt,
  checkpointsAfter,
  follows,
  type KeyOfVersion,
  lastCheckpointRow,
  noCheckpoint,
  readCheckpoint,
} from './checkpoints.js';
import type { KeptRecord } from './keeper.js';

// The proof that the record of uses is whole: the chain of checkpoints from where the kept record begins, between them
// the records of each shard, and after the last one what is not signed yet. It is given in pieces, each within one
// request, so that a record of any size can be proven while the service works.

export interface Broken {
  /** Absent where a checkpoint is concerned. */
  shard?: number;
  /** Place in the shard, or number of the checkpoint. */
  seq: number;
  problem: 'missing' | 'changed' | 'cut off' | 'set back' | 'head missing' | 'not the record of this head';
}

export interface VerifyReport {
  ok: boolean;
  /** False: go on with `next`. */
  done: boolean;
  /** Records that this request has proven. */
  records: number;
  /** How far it has come, in checkpoints. */
  checkpoints: { from: number; at: number; last: number };
  next?: string;
  /** The last checkpoint; to be written down elsewhere, and given the next time. */
  head?: Head;
  broken?: Broken;
  /** Records before this checkpoint cannot be proven, because their key is lost. */
  unproven?: { before: number; at: string; note: string };
}

const windowCheckpoints = 32;
const recordsAtOnce = 1_000;

/** Where a proof stands: checkpoints and records up to `start` are proven, and of the window after it some shards. */
interface Position {
  start: number;
  end: number;
  shard: number;
  seq: number;
}

const textOf = ({ start, end, shard, seq }: Position): string => [start, end, shard, seq].join('.');

/** Undefined for a text that is none. */
export function positionOf(text: string): Position | undefined {
  const found = /^(\d{1,15})\.(\d{1,15})\.(-1|\d{1,2})\.(\d{1,15})$/.exec(text);
  if (!found) return undefined;
  const [start = 0, end = 0, shard = 0, seq = 0] = found.slice(1).map(Number);
  return { start, end, shard, seq };
}

interface Proof {
  db: Queryable;
  kept: KeptRecord;
  keyOf: KeyOfVersion;
  until: number;
  records: number;
}

/** Ends a proof where the record does not hold. */
class BrokenError extends Error {
  readonly broken: Broken;

  constructor(broken: Broken) {
    super(broken.problem);
    this.broken = broken;
  }
}

/** Ends a request whose time is over. */
class PausedError extends Error {
  readonly shard: number;
  readonly seq: number;

  constructor(shard: number, seq: number) {
    super('the proof goes on in another request');
    this.shard = shard;
    this.seq = seq;
  }
}

/** A head, and the checkpoint that has signed it. */
interface Mark extends Head {
  number: number;
}

interface Walk {
  shard: number;
  from: Head;
  /** In their order; the last is the end. */
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
      // Written after a checkpoint that is there no more.
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

/** The checkpoints of one window, each of them chained to the one before. @throws BrokenError */
async function readWindow({ db, kept, keyOf }: Proof, from: Checkpoint, most: number): Promise<Checkpoint[]> {
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
async function walkWindow(
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
    // With a new key a walk begins anew; all others go through in one.
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

/** What stands after the last checkpoint. @throws BrokenError */
async function walkTail(proof: Proof, last: Checkpoint): Promise<void> {
  const { db, kept } = proof;
  const seen = new Map(kept.seen);
  const rows = await db
    .selectFrom('use_shard as head')
    .select(['head.shard', 'head.seq', 'head.hash'])
    // In one statement with the head, so that it is of the same moment.
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
    // Where nothing was kept there is a head without a record.
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

/** Where a proof begins: where the record is kept from, or where its key was made anew because the one before is lost. */
async function beginning(proof: Proof, keptFrom: number): Promise<Checkpoint> {
  const { db, kept, keyOf } = proof;
  const first = keptFrom === 0 ? noCheckpoint : await checkpointAt(db, keyOf, kept.tenantId, keptFrom);
  const renewed = await db
    .selectFrom('use_checkpoint')
    .selectAll()
    .where('tenant_id', '=', kept.tenantId)
    .where('number', '>', keptFrom)
    .where('note', 'like', 'new key: %')
    .orderBy('number', 'desc')
    .execute();
  for (const row of renewed) {
    const isLost = (await keyOf(row.key_version - 1)) === undefined;
    const anew = isLost ? readCheckpoint(row, undefined, await keyOf(row.key_version)) : undefined;
    if (anew) return anew;
  }
  if (!first) throw new BrokenError({ seq: keptFrom, problem: 'missing' });
  return first;
}

/** @throws BrokenError, PausedError @returns the last checkpoint */
async function prove(
  proof: Proof,
  from: Checkpoint,
  resumed: Position | undefined,
  tell: (window: Pick<Position, 'start' | 'end'>) => void,
): Promise<Checkpoint> {
  let at = from;
  let position = resumed;
  for (;;) {
    const most = position ? position.end - position.start : windowCheckpoints;
    const window = await readWindow(proof, at, most);
    const end = window.at(-1);
    if (!end) break;
    tell({ start: at.number, end: end.number });
    await walkWindow(proof, at, window, position);
    at = end;
    position = undefined;
    tell({ start: at.number, end: at.number + windowCheckpoints });
    if (performance.now() > proof.until) throw new PausedError(formerShard, 0);
  }
  if (await isTailWhole(proof, at)) return at;
  return prove(proof, at, undefined, tell);
}

/**
 * @returns false when the record went on meanwhile, and there is another checkpoint to go by
 * @throws BrokenError
 */
async function isTailWhole(proof: Proof, last: Checkpoint): Promise<boolean> {
  const { db, kept, records, until } = proof;
  try {
    // As much as is written between two checkpoints.
    proof.until = Number.POSITIVE_INFINITY;
    await walkTail(proof, last);
    return true;
  } catch (error) {
    // Its statements are of different moments. A checkpoint that came in between is proven like any other.
    const [next] =
      error instanceof BrokenError ? await checkpointsAfter(db, kept.tenantId, last.number, 1) : [];
    if (!next) throw error;
    Object.assign(proof, { records, until });
    return false;
  }
}

export interface Verifying {
  db: Queryable;
  kept: KeptRecord;
  keyOf: KeyOfVersion;
  /** False when checkpoints that this process has seen are gone. */
  isUpToDate: boolean;
  /** Time for this request, in milliseconds. */
  withinMs: number;
  next?: Position | undefined;
}

/** Proves the record of a tenant, or a piece of it. */
export async function verifyUses(verifying: Verifying): Promise<VerifyReport> {
  const { db, kept, keyOf, next, withinMs } = verifying;
  const proof: Proof = { db, kept, keyOf, until: performance.now() + withinMs, records: 0 };
  const last = await lastCheckpointRow(db, kept.tenantId);
  const progress = { from: 0, at: next?.start ?? 0, last: last?.number ?? 0 };
  let place: Pick<Position, 'start' | 'end'> | undefined;
  let unproven: VerifyReport['unproven'];
  const report = (rest: Pick<VerifyReport, 'ok' | 'done'> & Partial<VerifyReport>): VerifyReport => ({
    ...{ ...rest, records: proof.records, checkpoints: { ...progress, at: place?.start ?? progress.at } },
    ...(unproven ? { unproven } : {}),
  });
  try {
    if (!last) throw new BrokenError({ seq: 1, problem: 'missing' });
    if (!verifying.isUpToDate) throw new BrokenError({ seq: kept.checkpoint.number, problem: 'set back' });
    const first = await beginning(proof, last.kept_from);
    progress.from = first.number;
    if (first.note?.startsWith('new key: ')) {
      unproven = { before: first.number, at: first.at, note: first.note };
    }
    const isBehind = next === undefined || next.start < first.number;
    const from = isBehind ? first : await checkpointAt(db, keyOf, kept.tenantId, next.start);
    if (!from) throw new BrokenError({ seq: next?.start ?? 0, problem: 'missing' });
    const at = await prove(proof, from, isBehind ? undefined : next, (told) => {
      place = told;
    });
    return report({ ok: true, done: true, head: { seq: at.number, hash: at.hash } });
  } catch (error) {
    if (error instanceof PausedError && place) {
      return report({
        ok: true,
        done: false,
        next: textOf({ ...place, shard: error.shard, seq: error.seq }),
      });
    }
    if (!(error instanceof BrokenError)) throw error;
    // What is kept no longer may have gone meanwhile.
    const keptFrom = (await lastCheckpointRow(db, kept.tenantId))?.kept_from ?? 0;
    if (keptFrom > (last?.kept_from ?? 0)) return verifyUses(verifying);
    return report({ ok: false, done: true, broken: error.broken });
  }
}

/** Whether the record still has a head that was written down earlier: of a checkpoint, or of the chain of version 0.1. */
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
