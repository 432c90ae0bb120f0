import type { Queryable } from '../store/queryable.js';
import { formerShard, type Head, recordsOf } from './chain.js';
import {
  type Checkpoint,
  checkpointAt,
  checkpointsOf,
  type KeptRecord,
  lastCheckpointRow,
  noCheckpoint,
  readCheckpoint,
} from './checkpoints.js';
import { type Broken, BrokenError, PausedError, type Position, type Proof, textOf } from './proof.js';
import { isTailWhole, readWindow, walkWindow } from './walk-records.js';

// Proves that the usage log is intact: the chain of checkpoints from the beginning of the retained log, the records
// of each shard between them, and the unsigned records after the last one. The proof is split over requests, so that
// a log of any size can be proven while serving.

export interface VerifyReport {
  ok: boolean;
  /** False: continue with `next`. */
  done: boolean;
  /** Records that this request has proven. */
  records: number;
  /** Progress, in checkpoints. */
  checkpoints: { from: number; at: number; last: number };
  next?: string;
  /** The last checkpoint; keep it elsewhere, and pass it the next time. */
  head?: Head;
  broken?: Broken;
  /** Records before this checkpoint cannot be proven, because their key is lost. */
  unproven?: { before: number; at: string; note: string };
}

const windowCheckpoints = 32;

/**
 * Start of a proof: the beginning of the retained log, or the point where its key was replaced because the former one
 * is lost.
 */
async function beginning(proof: Proof, keptFrom: number): Promise<Checkpoint> {
  const { db, kept, keyOf } = proof;
  const first = keptFrom === 0 ? noCheckpoint : await checkpointAt(db, keyOf, kept.tenantId, keptFrom);
  const renewed = await checkpointsOf(db, kept.tenantId)
    .where('number', '>', keptFrom)
    .where('note', 'like', 'new key: %')
    .orderBy('number', 'desc')
    .execute();
  for (const row of renewed) {
    const isLost = (await keyOf(row.key_version - 1)) === undefined;
    const restart = isLost ? readCheckpoint(row, undefined, await keyOf(row.key_version)) : undefined;
    if (restart) return restart;
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

export interface Verifying extends Pick<Proof, 'db' | 'kept' | 'keyOf'> {
  /** False when checkpoints that this process has seen are gone. */
  isUpToDate: boolean;
  /** Time for this request, in milliseconds. */
  withinMs: number;
  next?: Position | undefined;
}

/** Proves the usage log of a tenant, or a part of it. */
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
    // Expired records may have been deleted during the proof.
    const keptFrom = (await lastCheckpointRow(db, kept.tenantId))?.kept_from ?? 0;
    if (keptFrom > (last?.kept_from ?? 0)) return verifyUses(verifying);
    return report({ ok: false, done: true, broken: error.broken });
  }
}

/** Whether the log still contains a head that was noted earlier: of a checkpoint, or of the chain of version 0.1. */
export async function hasHead(
  db: Queryable,
  { tenantId, checkpoint }: KeptRecord,
  { seq, hash }: Head,
): Promise<boolean | 'no longer kept'> {
  const signed = await checkpointsOf(db, tenantId).where('number', '=', seq).executeTakeFirst();
  if (signed?.hash === hash) return true;
  const former = await recordsOf(db, tenantId, formerShard)
    .select('hash')
    .where('seq', '=', seq)
    .executeTakeFirst();
  if (former?.hash === hash) return true;
  return seq < checkpoint.keptFrom ? 'no longer kept' : false;
}
