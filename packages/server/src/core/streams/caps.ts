import type { Column } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Batch } from '@mooring/connectors/interface/plan';
import { firstOf, lengthOf } from '@mooring/connectors/kit/batch';
import { after } from '@mooring/connectors/kit/deadline';
import { createOutputMeter } from './output-meter.js';

/** What a source returns for a read. */
export interface BatchStream {
  columns: readonly Column[];
  batches: AsyncIterable<Batch>;
}

/** Limits of one stream; 0 means no cap. */
export interface StreamCaps {
  rowsMax: number;
  /** Bytes of encoded output. */
  bytesMax: number;
  secondsMax: number;
  /** Idle timeout of the source, and of the reader. */
  idleSeconds: number;
  /** Row limit of the caller: reaching it is the regular end, not a truncation. */
  limit?: number;
}

export type Cap = 'rows' | 'bytes' | 'time';

export interface StreamOutcome {
  state: 'complete' | 'truncated';
  /** The cap that truncated the stream. */
  cap?: Cap;
  /** Rows and bytes that left the encoder. */
  rows: number;
  bytes: number;
}

export type CappedRows = ReturnType<typeof applyCaps>;

/** How long a source may take to stop before its session is aborted. */
const LEAVE_MS = 2000;

/** Rows to request from the source: one more than the cap, which shows whether the cap truncates. Undefined: all. */
export function sourceLimit({ limit, rowsMax }: Pick<StreamCaps, 'limit' | 'rowsMax'>): number | undefined {
  if (rowsMax === 0) return limit;
  return limit === undefined ? rowsMax + 1 : Math.min(limit, rowsMax + 1);
}

/** Reason of an abort by {@link applyCaps}, for a source that is left while it owes a batch. Not a failure. */
export const readEnded = new ConnectorError('cancelled', 'The read has ended.');

/** Reason of an external abort when the reader must not get another byte. */
export const rightGone = new ConnectorError('cancelled', 'The right to this use was revoked.');

/** The reason of an abort as a failure of the read. */
export function abortFailure(signal: AbortSignal): ConnectorError {
  return signal.reason instanceof ConnectorError
    ? signal.reason
    : new ConnectorError('cancelled', 'The read was cancelled.', { cause: signal.reason });
}

/** An iteration of a source that knows whether an item is pending. */
function startPulling<Item>(items: AsyncIterable<Item>, stop: AbortController) {
  const source = items[Symbol.asyncIterator]();
  let isOwed = false;
  const abort = () => stop.abort(readEnded);
  return {
    async next(): Promise<IteratorResult<Item, unknown>> {
      isOwed = true;
      try {
        return await source.next();
      } finally {
        isOwed = false;
      }
    },
    /** Ends the work at the source within {@link LEAVE_MS}, cooperatively or by aborting its session. */
    async leave(): Promise<void> {
      // A source with a pending batch may ignore `return()` until it has the batch.
      if (isOwed) abort();
      const returned = (async () => source.return?.())().catch(() => undefined);
      if (isOwed) return;
      await new Promise<void>((resolve) => {
        const finish = () => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          abort();
          finish();
        }, LEAVE_MS);
        void returned.then(finish);
      });
    },
  };
}

interface Patience {
  idleSeconds: number;
  /** Infinite without a cap. */
  secondsLeft: number;
  signal: AbortSignal;
}

type Pulled<Item> = IteratorResult<Item, unknown> | 'time';

/** The next item, or `time` when the deadline passes first. */
function pull<Item>(
  source: { next(): Promise<IteratorResult<Item, unknown>> },
  { idleSeconds, secondsLeft, signal }: Patience,
): Promise<Pulled<Item>> {
  return new Promise<Pulled<Item>>((resolve, reject) => {
    const timers: NodeJS.Timeout[] = [];
    const settle = (act: () => void) => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = () => settle(() => reject(abortFailure(signal)));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (Number.isFinite(secondsLeft))
      timers.push(after(secondsLeft * 1000, () => settle(() => resolve('time'))));
    if (idleSeconds > 0) {
      const silence = () =>
        new ConnectorError('timeout', `The source sent nothing for ${idleSeconds} seconds.`);
      timers.push(after(idleSeconds * 1000, () => settle(() => reject(silence()))));
    }
    source.next().then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

interface Cutting {
  /** As for {@link applyCaps}. */
  stop: AbortController;
  onCut(cap: Cap): void;
}

/** The items of a source until the cap of time. Leaving the iteration ends the work at the source. */
export async function* timely<Item>(
  items: AsyncIterable<Item>,
  { secondsMax, idleSeconds }: Pick<StreamCaps, 'secondsMax' | 'idleSeconds'>,
  { stop, onCut }: Cutting,
): AsyncGenerator<Item, void, undefined> {
  const endsAt = secondsMax > 0 ? performance.now() + secondsMax * 1000 : Number.POSITIVE_INFINITY;
  const source = startPulling(items, stop);
  try {
    for (;;) {
      const secondsLeft = (endsAt - performance.now()) / 1000;
      if (secondsLeft <= 0) return onCut('time');
      const pulled = await pull(source, { idleSeconds, secondsLeft, signal: stop.signal });
      if (pulled === 'time') return onCut('time');
      if (pulled.done) return;
      yield pulled.value;
    }
  } finally {
    await source.leave();
  }
}

async function* cutRows(
  stream: BatchStream,
  caps: StreamCaps,
  cutting: Cutting,
): AsyncGenerator<Batch, void, undefined> {
  const rowsMax = caps.rowsMax > 0 ? caps.rowsMax : Number.POSITIVE_INFINITY;
  const limit = caps.limit ?? Number.POSITIVE_INFINITY;
  let rows = 0;
  for await (const batch of timely(stream.batches, caps, cutting)) {
    const length = lengthOf(batch);
    const take = Math.min(length, limit - rows, rowsMax - rows);
    rows += take;
    if (take > 0) yield firstOf(batch, take);
    if (rows >= limit) return;
    if (take < length) return cutting.onCut('rows');
  }
}

/**
 * The rows of a source, truncated at the caps. `outcome()` reports a truncation; a silent source is a failure
 * instead. The time of `secondsMax` starts with the first batch requested. Leaving the iteration ends the work at the
 * source.
 *
 * @param stop its signal must be the one the session was opened with: it is aborted when the source must be left
 * while it owes a batch; an external abort fails the iteration.
 * @throws ConnectorError (from the iteration) `timeout` after `idleSeconds` without a batch, the reason of an abort,
 * and failures of the source.
 */
export function applyCaps(stream: BatchStream, caps: StreamCaps, stop: AbortController) {
  const meter = createOutputMeter(caps.bytesMax);
  let cut: Cap | undefined;
  const onCut = (cap: Cap) => {
    cut = cap;
  };
  return {
    columns: stream.columns,
    /** Can be iterated once. */
    batches: cutRows(stream, caps, { stop, onCut }),
    /** For the encoder, which counts the bytes. */
    meter,
    /** Valid once the encoder has ended. */
    outcome(): StreamOutcome {
      const cap = meter.isFull() ? 'bytes' : cut;
      const counts = { rows: meter.rows(), bytes: meter.bytes() };
      return cap ? { state: 'truncated', cap, ...counts } : { state: 'complete', ...counts };
    },
  };
}
