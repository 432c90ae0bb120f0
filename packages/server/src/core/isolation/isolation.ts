import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Limits } from '../config/config.js';
import { AppError } from '../errors/app-error.js';
import { type Breaker, createBreaker } from './breaker.js';
import { createSlots, type Shortage, type Slots } from './slots.js';

// One source that is slow or gone, or one tenant that asks for too much, must cost the others nothing. All of this is
// of one process: nodes that share a store have a budget each.

/** Who goes where. */
export interface Visit {
  tenantId: string;
  /** As `destinationOf` writes it. With the tenant it is what a budget and a breaker are kept for. */
  destination: string;
  /** Each user has a share of every budget; and what a source asks one to wait for is no business of another. */
  userId: string;
  /** A test asks about the source itself: it may be the probe of a paused source, and does not wait either. */
  isTest: boolean;
}

/** What a visit has found out. Told once; what is told later does nothing. */
export interface Findings {
  reached(): void;
  missed(): void;
  /** What failed was not the source: nothing that is thrown now is a wish of it. */
  excuse(): void;
}

export interface Isolation {
  /**
   * Acts within the budgets of the source, of the tenant and of this process.
   * @throws AppError `BUSY` or `SOURCE-PAUSED` before anything happened; ConnectorError `rate_limited` while the
   * source wants this person to wait
   */
  enter<Result>(
    visit: Visit,
    signal: AbortSignal,
    act: (findings: Findings) => Promise<Result>,
  ): Promise<Result>;
  /** For metrics. */
  counts(): {
    paused: number;
    atWork: number;
    waiting: number;
    /** The most that one user has in one budget. */
    ofOneUser: { atWork: number; waiting: number };
    shed: Readonly<Record<'busy' | 'user_share' | 'paused' | 'asked_to_wait', number>>;
  };
}

export interface IsolationOptions {
  limits: Pick<Limits, 'usesPerSource' | 'usesPerTenant' | 'waitSeconds' | 'pauseAfter' | 'pauseSeconds'>;
  /** Uses at the same time in this process; what it may hold can be changed while it runs. */
  usesMax: () => number;
  /** How many may wait for one budget. */
  waitingMax: () => number;
  now?: () => number;
}

interface Source {
  slots: Slots;
  breaker: Breaker;
  /** Until when people were asked to wait, by id. */
  waits: Map<string, number>;
}

/** Those who are sent away together are told to come back over so many seconds, not together again. */
const spreadSeconds = 4;
const retryAfter = (waitMs: number): { retryAfterSeconds: number } => ({
  retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) + Math.floor(Math.random() * spreadSeconds),
});
/** Longest that a source is spared because it asked for it; a caller is told the whole time. */
const askedWaitMsMax = 300_000;
/** From so many kept sources on, those that have nothing to remember are looked for. */
const keptMax = 1_000;

const busy = (what: string, shortage: Shortage) =>
  new AppError(
    'BUSY',
    shortage === 'share'
      ? `You have half of the uses at work that ${what} may have, and so many wait. Nothing was sent to the source. Let some of yours end first, or wait as Retry-After says.`
      : `As many uses are at work as ${what} may have. Nothing was sent to the source. Wait as Retry-After says, and ask for less at the same time.`,
    retryAfter(0),
  );

const paused = (waitMs: number) =>
  new AppError(
    'SOURCE-PAUSED',
    'The source could not be reached several times in a row, so it is left alone for a moment. Wait as Retry-After says, or test the connection once the source is back.',
    retryAfter(waitMs),
  );

const askedToWait = (waitMs: number) => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new ConnectorError('rate_limited', `The source asked for a pause that ends in ${seconds} seconds.`, {
    retryAfterSeconds: seconds,
    retryable: true,
  });
};

export function createIsolation({
  limits,
  usesMax,
  waitingMax,
  now = () => performance.now(),
}: IsolationOptions) {
  const waitMs = limits.waitSeconds * 1000;
  const shed = { busy: 0, user_share: 0, paused: 0, asked_to_wait: 0 };
  const slotsFor = (max: number | (() => number), what: string) =>
    createSlots({
      max: typeof max === 'number' ? () => max : max,
      waitingMax,
      waitMs,
      full(shortage) {
        shed[shortage === 'share' ? 'user_share' : 'busy'] += 1;
        return busy(what, shortage);
      },
    });
  const ofProcess = slotsFor(usesMax, 'this server');
  const tenants = new Map<string, Slots>();
  const sources = new Map<string, Source>();

  const isForgettable = ({ slots, breaker, waits }: Source) => {
    for (const [userId, until] of waits) if (until <= now()) waits.delete(userId);
    return slots.isIdle() && waits.size === 0 && (breaker.isFresh() || breaker.waitMs(false) === 0);
  };
  const tidy = () => {
    if (sources.size > keptMax)
      for (const [key, source] of sources) if (isForgettable(source)) sources.delete(key);
    if (tenants.size > keptMax) for (const [key, slots] of tenants) if (slots.isIdle()) tenants.delete(key);
  };
  const sourceOf = ({ tenantId, destination }: Visit): Source => {
    const key = `${tenantId}\n${destination}`;
    const found = sources.get(key);
    if (found) return found;
    tidy();
    const source = {
      slots: slotsFor(limits.usesPerSource, 'this source'),
      breaker: createBreaker({
        missesMax: limits.pauseAfter,
        pauseMs: limits.pauseSeconds * 1000,
        now,
      }),
      waits: new Map<string, number>(),
    };
    sources.set(key, source);
    return source;
  };
  const tenantOf = (tenantId: string): Slots => {
    const found = tenants.get(tenantId);
    if (found) return found;
    const slots = slotsFor(limits.usesPerTenant, 'your tenant');
    tenants.set(tenantId, slots);
    return slots;
  };

  const assertOpen = ({ breaker, waits }: Source, { userId, isTest }: Visit): void => {
    const left = breaker.waitMs(isTest);
    if (left > 0) throw paused(left);
    const wait = (waits.get(userId) ?? 0) - now();
    if (wait <= 0) waits.delete(userId);
    else if (!isTest) throw askedToWait(wait);
  };
  const count = (error: unknown): void => {
    if (error instanceof ConnectorError && error.kind === 'rate_limited') shed.asked_to_wait += 1;
    if (error instanceof AppError && error.code === 'SOURCE-PAUSED') shed.paused += 1;
  };

  /** What is refused on the way in, and not what happens inside. */
  const counted = async <Result>(wayIn: () => Promise<Result>): Promise<Result> => {
    try {
      return await wayIn();
    } catch (error) {
      count(error);
      throw error;
    }
  };

  /** The source first: who waits for one holds nothing that another source could use. */
  const takeAll = async (all: readonly Slots[], userId: string, signal: AbortSignal): Promise<() => void> => {
    const taken: Slots[] = [];
    const giveBack = () => {
      for (const slots of taken) slots.giveBack(userId);
    };
    try {
      for (const slots of all) {
        await slots.take(userId, signal);
        taken.push(slots);
      }
      return giveBack;
    } catch (error) {
      giveBack();
      throw error;
    }
  };

  const isolation: Isolation = {
    async enter(visit, signal, act) {
      const source = sourceOf(visit);
      const giveBack = await counted(async () => {
        assertOpen(source, visit);
        return takeAll([source.slots, tenantOf(visit.tenantId), ofProcess], visit.userId, signal);
      });
      try {
        // Again, because the source may have been paused while this one waited.
        await counted(async () => assertOpen(source, visit));
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
            source.waits.set(visit.userId, now() + asked);
          }
          throw error;
        } finally {
          attempt.leave();
        }
      } finally {
        giveBack();
      }
    },
    counts() {
      const budgets = [ofProcess, ...tenants.values(), ...[...sources.values()].map(({ slots }) => slots)];
      const counts = budgets.map((slots) => slots.counts());
      return {
        atWork: ofProcess.counts().taken,
        waiting: counts.reduce((sum, { waiting }) => sum + waiting, 0),
        ofOneUser: {
          atWork: Math.max(...counts.map(({ takenByOne }) => takenByOne)),
          waiting: Math.max(...counts.map(({ waitingOfOne }) => waitingOfOne)),
        },
        paused: [...sources.values()].filter(({ breaker }) => breaker.isPaused()).length,
        shed: { ...shed },
      };
    },
  };
  return isolation;
}
