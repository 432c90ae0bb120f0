import { availableParallelism } from 'node:os';
import { abortError, after } from '@mooring/connectors/kit/deadline';
import type { Logger } from 'pino';
import { AppError } from '../errors/app-error.js';
import type { WorkOwner } from '../sessions/execute.js';
import { type Crash, crashed, type Ending } from './endings.js';
import { type RunnerOptions, type RunnerProcess, startRunner } from './runner-process.js';
import { largestOfHeaviest, machineMb } from './shares.js';

// Which runner a use goes to. A runner that has held no login is free for anybody; from its first login to its end it
// is of that user, and is never handed on.

export interface RunnerFor extends Pick<WorkOwner, 'tenantId' | 'userId' | 'destination'> {
  sourceId: string;
  /** It will keep a processor busy: worth a runner of its own while there is room. */
  isLong: boolean;
}

export interface Lease {
  runner: RunnerProcess;
  /** The use has ended in the runner, or the runner has. */
  release(): void;
}

export interface RunnerPool {
  /** @throws AppError `BUSY` when no runner comes free in time; ConnectorError when the signal aborts */
  take(use: RunnerFor, signal: AbortSignal): Promise<Lease>;
  /** For metrics. */
  counts(): { atWork: number; idle: number; memoryBytes: number; crashes: Readonly<Record<Crash, number>> };
  /** Starts one, and ends it. @returns milliseconds until it was ready. @throws Error when it is not */
  tryOne(): Promise<number>;
  /** Ends them all. */
  close(): Promise<void>;
}

export interface PoolOptions extends Pick<RunnerOptions, 'entry' | 'retries' | 'onRefused'> {
  /** At the most; absent: as many as their memory allows. */
  runnersMax?: number | undefined;
  /** Share of one, and of all together, in megabytes; 0: half of what the machine, or the container, has. */
  runnerMemoryMb: number;
  runnersMemoryMb: number;
  waitSeconds: number;
  log: Logger;
}

interface Runner {
  process: RunnerProcess;
  /** Undefined while it is fresh. */
  owner: string | undefined;
  /** For one use only, of somebody whose use has crashed one. */
  isAlone: boolean;
  /** Uses that it was given to and that have not ended. */
  uses: Set<RunnerFor>;
  idleTimer: NodeJS.Timeout | undefined;
}

const lookMs = 50;
const idleLookMs = 1_000;
/** The watch was late itself, perhaps with everything that the runners said meanwhile still unread. */
const lateMs = 500;
const idleMs = 30_000;
/** A fresh one is kept while somebody has used one within this time. */
const freshMs = 60_000;
const freshDelayMs = 250;
const tryMs = 8_000;
const quarantineMs = 10 * 60_000;
/** Of one that has done nothing; decides how many there may be. */
const bareMb = 32;
const megabyte = 1024 * 1024;

const ownerOf = ({ tenantId, userId }: RunnerFor): string => `${tenantId}\n${userId}`;
const keyOf = (use: RunnerFor): string => `${ownerOf(use)}\n${use.sourceId}\n${use.destination}`;

const busy = (cause?: unknown) =>
  new AppError(
    'BUSY',
    'All the memory for work on sources is in use. Nothing was sent to the source. Wait as Retry-After says.',
    { retryAfterSeconds: 2, cause },
  );

export function createRunnerPool(options: PoolOptions): RunnerPool {
  const { log } = options;
  const memoryMb = options.runnersMemoryMb || Math.max(1024, machineMb() / 2);
  const runnersMax = options.runnersMax ?? Math.max(4, Math.floor(memoryMb / bareMb));
  /** A user gets as many at once as there are processors to work on, and half of all at the most. */
  const ofOneUser = Math.max(1, Math.min(Math.max(2, availableParallelism()), Math.floor(runnersMax / 2)));
  const runners = new Set<Runner>();
  const waiting = new Set<{ admit(): void }>();
  const quarantined = new Map<string, number>();
  const crashes: Record<Crash, number> = { memory: 0, loop: 0, stuck: 0, protocol: 0, failure: 0, killed: 0 };
  let usedAt = Number.NEGATIVE_INFINITY;
  let lookedAt = performance.now();
  let isClosed = false;
  let freshTimer: NodeJS.Timeout | undefined;
  let startedInTurn = false;

  const endOf = (runner: Runner, ending: Ending) => {
    runners.delete(runner);
    clearTimeout(runner.idleTimer);
    if (ending !== 'closed') {
      crashes[ending] += 1;
      const now = performance.now();
      for (const [key, until] of quarantined) if (until <= now) quarantined.delete(key);
      for (const use of runner.uses) quarantined.set(keyOf(use), now + quarantineMs);
      const uses = [...runner.uses].map(({ tenantId, userId, sourceId }) => ({ tenantId, userId, sourceId }));
      log.warn({ ending, uses }, 'a runner has ended, and its uses with it');
    }
    admitNext();
  };
  const startOne = () =>
    startRunner({
      ...{ entry: options.entry, retries: options.retries, onRefused: options.onRefused },
      memoryMb: options.runnerMemoryMb,
      onStray: (line) => log.error({ stray: line }, 'an error in a runner was caught by nobody'),
    });
  /** A start holds up this process for milliseconds: one in a turn of its loop. @returns undefined: not in this turn */
  const add = (): Runner | undefined => {
    if (startedInTurn) return undefined;
    startedInTurn = true;
    setImmediate(() => {
      startedInTurn = false;
      admitNext();
    });
    let process: RunnerProcess;
    try {
      process = startOne();
    } catch (cause) {
      log.error({ err: cause }, 'no runner could be started');
      throw busy(cause);
    }
    const runner: Runner = {
      ...{ process, owner: undefined, isAlone: false },
      ...{ uses: new Set<RunnerFor>(), idleTimer: undefined },
    };
    runners.add(runner);
    void process.ended.then((ending) => endOf(runner, ending));
    watch();
    return runner;
  };
  const end = (runner: Runner) => {
    runners.delete(runner);
    clearTimeout(runner.idleTimer);
    runner.process.close();
  };

  const fresh = () => [...runners].find(({ owner }) => owner === undefined);
  const isIdle = ({ uses, owner }: Runner) => owner !== undefined && uses.size === 0;
  const memoryOf = () => [...runners].reduce((sum, { process }) => sum + process.memoryBytes(), 0);
  const hasRoom = () => runners.size < runnersMax && memoryOf() < memoryMb * megabyte;

  const keepFresh = () => {
    if (isClosed || freshTimer || fresh() || !hasRoom()) return;
    freshTimer = setTimeout(() => {
      freshTimer = undefined;
      if (isClosed || fresh() || !hasRoom()) return;
      try {
        if (!add()) keepFresh();
      } catch {
        // It is on the log; whoever needs one is told.
      }
    }, freshDelayMs).unref();
  };
  /** One that nobody has used; of those of others, one that is idle makes room. */
  const unused = (): Runner | undefined => {
    const found = fresh();
    if (found) return found;
    if (!hasRoom() && !startedInTurn) {
      const idle = [...runners].find(isIdle);
      if (!idle) return undefined;
      end(idle);
    }
    return add();
  };

  const isQuarantined = (use: RunnerFor): boolean => (quarantined.get(keyOf(use)) ?? 0) > performance.now();
  /** An idle one of theirs; a further one where there is one at once; else the one with least to do. */
  const choose = (use: RunnerFor): Runner | undefined => {
    if (isClosed) throw crashed('closed');
    const owner = ownerOf(use);
    const all = [...runners].filter((runner) => runner.owner === owner);
    if (isQuarantined(use)) {
      // Else whoever crashes runners would have most of them.
      if (all.filter(({ uses }) => uses.size > 0).length >= ofOneUser) return undefined;
      const runner = unused();
      if (runner) runner.isAlone = true;
      return runner;
    }
    const theirs = all
      .filter(({ isAlone }) => !isAlone)
      .sort((one, other) => one.uses.size - other.uses.size);
    const [least] = theirs;
    if (least?.uses.size === 0) return least;
    if (least && all.length < ofOneUser) return fresh() ?? (use.isLong && hasRoom() ? add() : least);
    return least ?? unused();
  };
  const lease = (runner: Runner, use: RunnerFor): Lease => {
    clearTimeout(runner.idleTimer);
    runner.owner = ownerOf(use);
    runner.uses.add(use);
    usedAt = performance.now();
    keepFresh();
    return {
      runner: runner.process,
      release() {
        // What was at work when it ended is what it ended of.
        if (runner.process.hasEnded()) return;
        runner.uses.delete(use);
        if (runner.uses.size > 0 || !runners.has(runner)) return;
        if (runner.isAlone || (waiting.size > 0 && !hasRoom())) end(runner);
        else runner.idleTimer = setTimeout(() => end(runner), idleMs).unref();
        admitNext();
      },
    };
  };

  const admitNext = () => {
    for (const waiter of [...waiting]) waiter.admit();
  };
  const wait = (use: RunnerFor, signal: AbortSignal): Promise<Lease> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        waiting.delete(waiter);
        act();
      };
      const waiter = {
        admit() {
          try {
            const runner = choose(use);
            if (runner) settle(() => resolve(lease(runner, use)));
          } catch (error) {
            settle(() => reject(error));
          }
        },
      };
      const leave = () => settle(() => reject(abortError(signal)));
      const timer = after(options.waitSeconds * 1000, () => settle(() => reject(busy())));
      signal.addEventListener('abort', leave, { once: true });
      waiting.add(waiter);
    });

  let looking: NodeJS.Timeout | undefined;
  function watch(): void {
    looking ??= setInterval(look, lookMs).unref();
  }
  function look(): void {
    const now = performance.now();
    const isLate = now - lookedAt > lateMs;
    // Those with nothing to do are looked at too, but rarely.
    const isRound = Math.floor(now / idleLookMs) > Math.floor(lookedAt / idleLookMs);
    lookedAt = now;
    for (const runner of runners) if (isRound || runner.uses.size > 0) runner.process.look(isLate);
    const spare = fresh();
    if (spare && now - usedAt > freshMs) end(spare);
    if (memoryOf() > memoryMb * megabyte) relieve();
    if (runners.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  }
  /** All together take too much: one that is idle ends, or else one of whoever takes most. */
  function relieve(): void {
    const idle = [...runners].find(isIdle);
    if (idle) end(idle);
    else largestOfHeaviest([...runners])?.process.kill('memory');
  }

  return {
    async take(use, signal) {
      if (looking === undefined) lookedAt = performance.now();
      const runner = choose(use);
      return runner ? lease(runner, use) : wait(use, signal);
    },
    counts() {
      const all = [...runners];
      const atWork = all.filter(({ uses }) => uses.size > 0).length;
      return { atWork, idle: all.length - atWork, memoryBytes: memoryOf(), crashes: { ...crashes } };
    },
    async tryOne() {
      const since = performance.now();
      const runner = startOne();
      try {
        const failed = async (ending: Promise<string>) => {
          throw new Error(await ending);
        };
        const late = new Promise<string>((resolve) => setTimeout(resolve, tryMs, 'late').unref());
        await Promise.race([runner.ready, failed(runner.ended), failed(late)]);
        return performance.now() - since;
      } finally {
        runner.close();
      }
    },
    async close() {
      isClosed = true;
      admitNext();
      clearTimeout(freshTimer);
      clearInterval(looking);
      const all = [...runners];
      for (const { process, idleTimer } of all) {
        clearTimeout(idleTimer);
        process.close();
      }
      await Promise.all(all.map(({ process }) => process.ended));
    },
  };
}
