import { abortError, after, settledWithin } from '@mooring/connectors/kit/deadline';
import type { EgressSettings } from '../egress/policy.js';
import type { Execute } from '../sessions/execute.js';
import { isStreamed } from '../sessions/session-work.js';
import type { StreamOutcome } from '../streams/caps.js';
import type { Counts } from '../streams/encoded-rows.js';
import type { Lease, RunnerPool } from './pool.js';
import { pieceBytes, windowBytes } from './wire.js';

/** How long to wait for the end of a cancelled use before the caller is answered without it. */
const cancelledMs = 500;
/** How long a cancelled use may take to end before its runner is killed. */
const stuckMs = 5_000;
/** Credit is returned in portions, not for every chunk. */
const creditBytes = 256 * 1024;

type End = { outcome: StreamOutcome } | { error: Error };

/** The output of one use in a runner, as its reader takes it. */
function createInbox(signal: AbortSignal) {
  const pieces: Buffer[] = [];
  let end: End | undefined;
  let wake: (() => void) | undefined;
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const counts: Counts = { rows: 0, bytes: 0 };
  signal.addEventListener('abort', () => wake?.(), { once: true });
  return {
    /** Settles when the runner has reported the end, or has ended itself. */
    settled,
    counts: () => ({ ...counts }),
    piece(bytes: Buffer, rows: number) {
      pieces.push(bytes);
      counts.bytes += bytes.length;
      counts.rows = rows;
      wake?.();
    },
    end(how: End) {
      end ??= how;
      settle();
      wake?.();
    },
    endedWith: () => end,
    /** The next chunk, or the end. Chunks that arrived before a failure are returned before it. */
    async next(): Promise<Buffer | End> {
      while (!signal.aborted) {
        const piece = pieces.shift();
        if (piece) return piece;
        if (end) return end;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return { error: abortError(signal) };
    },
  };
}

/** Executes uses in runners. @param egressOf the network policy for connections of a space */
export const executeInRunners =
  (pool: RunnerPool, egressOf: (spaceId: string | null) => EgressSettings): Execute =>
  (...use) => {
    const [, owner, { signal }] = use;
    const inbox = createInbox(signal);
    return { chunks: piecesOf(use, pool, egressOf(owner.spaceId), inbox), counts: inbox.counts };
  };

/** The use keeps its slot in the runner until it has ended there. */
function release(lease: Lease, inbox: ReturnType<typeof createInbox>): void {
  const timer = after(stuckMs, () => lease.runner.kill('stuck'));
  void inbox.settled.then(() => {
    clearTimeout(timer);
    lease.release();
  });
}

async function* piecesOf(
  [plan, owner, { signal, token, found }]: Parameters<Execute>,
  pool: RunnerPool,
  egress: EgressSettings,
  inbox: ReturnType<typeof createInbox>,
): AsyncGenerator<Uint8Array, StreamOutcome, undefined> {
  if (signal.aborted) throw abortError(signal);
  const lease = await pool.take({ ...owner, sourceId: plan.sourceId, isLong: isStreamed(plan.task) }, signal);
  let taken = 0;
  let isLeft = false;
  const started = lease.runner.begin({
    ...{ plan, egress, token },
    found(finding) {
      // After the end is reported, later reports are ignored.
      if (!isLeft) found(finding);
    },
    piece(bytes, rows) {
      inbox.piece(bytes, rows);
      // Unread chunks are in the server's memory, so a runner that exceeds its window is killed.
      if (inbox.counts().bytes - taken > windowBytes + pieceBytes) lease.runner.kill('protocol');
    },
    ended: (outcome) => inbox.end({ outcome }),
    failed: (error) => inbox.end({ error }),
  });
  const cancel = () => started.cancel(signal.reason);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  let untold = 0;
  try {
    for (;;) {
      const next = await inbox.next();
      if (Buffer.isBuffer(next)) {
        yield next;
        untold += next.length;
        if (untold < creditBytes) continue;
        started.taken(untold);
        taken += untold;
        untold = 0;
      } else if ('outcome' in next) return next.outcome;
      else throw next.error;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    // The end that the runner reports is better than none.
    await settledWithin(inbox.settled, cancelledMs);
    const end = inbox.endedWith();
    throw end && 'error' in end ? end.error : error;
  } finally {
    isLeft = true;
    signal.removeEventListener('abort', cancel);
    if (!inbox.endedWith()) started.cancel(new DOMException('The reader left.', 'AbortError'));
    release(lease, inbox);
  }
}
