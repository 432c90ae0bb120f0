import { ConnectorError } from '@mooring/connectors/interface/errors';
import { AppError } from '../errors/app-error.js';
import { type ConcurrencyOptions, createConcurrencyLimits, type Source } from './concurrency-limits.js';
import { askedToWait, paused } from './refusals.js';
import { takeAll } from './slots.js';

// A slow or unreachable source, or a tenant that asks for too much, must not affect others. All limits are of one
// process: nodes that share a store do not share them.

/** Who uses what. */
export interface Visit {
  tenantId: string;
  /** As `destinationOf` writes it. With the tenant it identifies a concurrency limit and a circuit breaker. */
  destination: string;
  /** Each user has a share of every limit. Retry-After of a source is tracked per user. */
  userId: string;
  /** A test asks about the source itself: it may be the probe of an open breaker, and does not wait for Retry-After. */
  isTest: boolean;
}

/** What a visit has found out about the source. Only the first report counts. */
export interface Findings {
  reached(): void;
  missed(): void;
  /** The failure was not the source's: its Retry-After does not count. */
  excuse(): void;
}

export type IsolationOptions = Pick<ConcurrencyOptions, 'limits' | 'usesMax' | 'waitingMax'>;

/** Longest Retry-After of a source that is respected; the caller gets the full value. */
const askedWaitMsMax = 300_000;

const now = () => performance.now();

/** @throws AppError `SOURCE-PAUSED`, ConnectorError `rate_limited` */
function assertOpen({ breaker, waits }: Source, { userId, isTest }: Visit): void {
  const left = breaker.waitMs(isTest);
  if (left > 0) throw paused(left);
  const wait = (waits.get(userId) ?? 0) - now();
  if (wait <= 0) waits.delete(userId);
  else if (!isTest) throw askedToWait(wait);
}

/** Acts on a source, and keeps what that says about the source. */
async function visitSource<Result>(
  source: Source,
  userId: string,
  act: (findings: Findings) => Promise<Result>,
): Promise<Result> {
  const attempt = source.breaker.begin();
  let isExcused = false;
  try {
    return await act({
      reached: attempt.reached,
      excuse() {
        isExcused = true;
      },
      missed() {
        attempt.missed();
        const left = source.breaker.waitMs(false);
        if (left > 0) source.slots.refuseWaiting(paused(left));
      },
    });
  } catch (error) {
    if (!isExcused && error instanceof ConnectorError && error.retryAfterSeconds !== undefined) {
      const asked = Math.min(error.retryAfterSeconds * 1000, askedWaitMsMax);
      source.waits.set(userId, now() + asked);
    }
    throw error;
  } finally {
    attempt.leave();
  }
}

export type Isolation = ReturnType<typeof createIsolation>;

export function createIsolation(options: IsolationOptions) {
  const shed = { busy: 0, user_share: 0, paused: 0, asked_to_wait: 0 };
  const concurrency = createConcurrencyLimits({
    ...options,
    now,
    onFull(shortage) {
      shed[shortage === 'share' ? 'user_share' : 'busy'] += 1;
    },
  });

  /** Counts refusals on the way in, and not what fails inside. */
  const counted = async <Result>(wayIn: () => Promise<Result>): Promise<Result> => {
    try {
      return await wayIn();
    } catch (error) {
      if (error instanceof ConnectorError && error.kind === 'rate_limited') shed.asked_to_wait += 1;
      if (error instanceof AppError && error.code === 'SOURCE-PAUSED') shed.paused += 1;
      throw error;
    }
  };

  return {
    /**
     * Acts within the concurrency limits of the source, of the tenant and of this process.
     * @throws AppError `BUSY` or `SOURCE-PAUSED` before anything happened; ConnectorError `rate_limited` while the
     * source wants this user to wait
     */
    async enter<Result>(
      visit: Visit,
      signal: AbortSignal,
      act: (findings: Findings) => Promise<Result>,
    ): Promise<Result> {
      const source = concurrency.sourceOf(visit);
      const giveBack = await counted(async () => {
        assertOpen(source, visit);
        // The source first: a use that waits for one holds nothing that another source could use.
        const all = [source.slots, concurrency.tenantOf(visit.tenantId), concurrency.ofProcess];
        return takeAll(all, visit.userId, signal);
      });
      try {
        // Again, because the breaker may have opened during the wait.
        await counted(async () => assertOpen(source, visit));
        return await visitSource(source, visit.userId, act);
      } finally {
        giveBack();
      }
    },
    /** For metrics. */
    counts() {
      const counts = concurrency.all().map((slots) => slots.counts());
      return {
        atWork: concurrency.ofProcess.counts().taken,
        waiting: counts.reduce((sum, { waiting }) => sum + waiting, 0),
        /** The most that one user has within one limit. */
        ofOneUser: {
          atWork: Math.max(...counts.map(({ takenByOne }) => takenByOne)),
          waiting: Math.max(...counts.map(({ waitingOfOne }) => waitingOfOne)),
        },
        paused: concurrency.paused(),
        shed: { ...shed },
      };
    },
  };
}
