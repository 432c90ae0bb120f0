import { availableParallelism } from 'node:os';
import { after } from '@mooring/connectors/kit/deadline';
import type { Logger } from 'pino';
import { type Crash, crashed, type Ending } from './endings.js';
import {
  createFleet,
  createFreshRunner,
  type Fleet,
  largestOfHeaviest,
  ownerOf,
  type Runner,
  type RunnerFor,
} from './fleet.js';
import { type RunnerOptions, type RunnerProcess, startRunner } from './runner-process.js';
import { machineMb } from './usage.js';
import { createWaitingUses } from './waiting-uses.js';

// Which runner a use goes to.

export interface Lease {
  runner: RunnerProcess;
  /** The use has ended in the runner, or the runner has. */
  release(): void;
}

export interface RunnerPool {
  /** @throws AppError `BUSY` when no runner is free in time; ConnectorError when the signal aborts */
  take(use: RunnerFor, signal: AbortSignal): Promise<Lease>;
  /** For metrics. */
  counts(): { atWork: number; idle: number; memoryBytes: number; crashes: Readonly<Record<Crash, number>> };
  /** Starts a runner and ends it. @returns milliseconds until it was ready @throws Error when it is not */
  tryOne(): Promise<number>;
  /** Ends all runners. */
  close(): Promise<void>;
}

export interface PoolOptions extends Pick<RunnerOptions, 'entry' | 'retries' | 'onRefused'> {
  /** Absent: as many as their memory allows. */
  runnersMax?: number | undefined;
  /** Limit of one runner, in megabytes. */
  runnerMemoryMb: number;
  /** Limit of all runners together, in megabytes; 0: half of the memory of the machine, or the container. */
  runnersMemoryMb: number;
  waitSeconds: number;
  log: Logger;
}

const lookMs = 50;
const idleLookMs = 1_000;
/** When a look is this late, reports of the runners may still be unread. */
const lateMs = 500;
const idleMs = 30_000;
/** A fresh runner is kept while a runner has been used within this time. */
const freshMs = 60_000;
/** Memory of a runner that has done nothing; decides how many there may be. */
const bareMb = 32;
const quarantineMs = 10 * 60_000;
const tryMs = 8_000;

function limitsOf(options: PoolOptions) {
  const memoryMb = options.runnersMemoryMb || Math.max(1024, machineMb() / 2);
  const runnersMax = options.runnersMax ?? Math.max(4, Math.floor(memoryMb / bareMb));
  /** One user gets as many at once as there are processors, and at most half of all. */
  const ofOneUser = Math.max(1, Math.min(Math.max(2, availableParallelism()), Math.floor(runnersMax / 2)));
  return { memoryMb, runnersMax, ofOneUser };
}

const runnerOptions = (pool: PoolOptions): RunnerOptions => ({
  ...{ entry: pool.entry, retries: pool.retries, onRefused: pool.onRefused },
  memoryMb: pool.runnerMemoryMb,
  onStray: (line) => pool.log.error({ stray: line }, 'uncaught error in a runner'),
});

const keyOf = (use: RunnerFor): string => `${ownerOf(use)}\n${use.sourceId}\n${use.destination}`;

/** Counts crashes, and remembers which user's uses of which destination were running in them. */
function createCrashes(log: Logger) {
  const counts: Record<Crash, number> = { memory: 0, loop: 0, stuck: 0, protocol: 0, failure: 0, killed: 0 };
  const quarantined = new Map<string, number>();
  const note = (runner: Runner, ending: Crash, what = 'a runner crashed, and its uses failed') => {
    counts[ending] += 1;
    const now = performance.now();
    for (const [key, until] of quarantined) if (until <= now) quarantined.delete(key);
    for (const use of runner.uses) quarantined.set(keyOf(use), now + quarantineMs);
    const uses = [...runner.uses].map(({ tenantId, userId, sourceId }) => ({ tenantId, userId, sourceId }));
    log.warn({ ending, uses }, what);
  };
  return {
    note,
    isQuarantined: (use: RunnerFor) => (quarantined.get(keyOf(use)) ?? 0) > performance.now(),
    counts: () => ({ ...counts }),
  };
}

/** A driver has failed in the runner: its other uses may end, and no further one begins. */
function retire(runner: Runner, crashes: ReturnType<typeof createCrashes>, fleet: Fleet): void {
  crashes.note(runner, 'failure', 'a driver failed in a runner, and its session was ended');
  if (runner.uses.size === 0) fleet.end(runner);
}

/**
 * Prefers an idle runner of the user, then a further one that can be had at once, then their least busy one.
 * @param ofOneUser most runners of one user
 * @returns undefined: the use has to wait
 */
function chooseRunner(
  fleet: Fleet,
  use: RunnerFor,
  { isQuarantined, ofOneUser }: { isQuarantined: boolean; ofOneUser: number },
): Runner | undefined {
  const owner = ownerOf(use);
  const all = fleet.all().filter((runner) => runner.owner === owner && !runner.process.hasStrayed());
  if (isQuarantined) {
    // Otherwise a user who crashes runners would hold most of them.
    if (all.filter(({ uses }) => uses.size > 0).length >= ofOneUser) return undefined;
    const runner = fleet.unused();
    if (runner) runner.isAlone = true;
    return runner;
  }
  const theirs = all.filter(({ isAlone }) => !isAlone).sort((one, other) => one.uses.size - other.uses.size);
  const [least] = theirs;
  if (least?.uses.size === 0) return least;
  if (least && all.length < ofOneUser)
    return fleet.fresh() ?? (use.isLong && fleet.hasRoom() ? fleet.add() : least);
  return least ?? fleet.unused();
}

/** Starts a runner and ends it. @returns milliseconds until it was ready @throws Error when it is not */
async function tryRunner(start: () => RunnerProcess): Promise<number> {
  const since = performance.now();
  const runner = start();
  try {
    const failed = async (ending: Promise<string>) => {
      throw new Error(await ending);
    };
    const late = new Promise<string>((resolve) => after(tryMs, () => resolve('late')).unref());
    await Promise.race([runner.ready, failed(runner.ended), failed(late)]);
    return performance.now() - since;
  } finally {
    runner.close();
  }
}

/**
 * Looks at the runners while there are any. @param look gets whether to look at idle ones too, and whether it is late
 */
function createWatch(look: (now: number, isRound: boolean, isLate: boolean) => void, isOver: () => boolean) {
  let lookedAt = performance.now();
  let looking: NodeJS.Timeout | undefined;
  const turn = (): void => {
    const now = performance.now();
    const isLate = now - lookedAt > lateMs;
    const isRound = Math.floor(now / idleLookMs) > Math.floor(lookedAt / idleLookMs);
    lookedAt = now;
    look(now, isRound, isLate);
    if (!isOver()) return;
    clearInterval(looking);
    looking = undefined;
  };
  return {
    /** Time that passed without runners does not make the next look late. */
    wake() {
      if (looking === undefined) lookedAt = performance.now();
    },
    start() {
      looking ??= setInterval(turn, lookMs).unref();
    },
    close: () => clearInterval(looking),
  };
}

export function createRunnerPool(options: PoolOptions): RunnerPool {
  const { log } = options;
  const { memoryMb, runnersMax, ofOneUser } = limitsOf(options);
  const waiting = createWaitingUses(options.waitSeconds * 1000);
  const crashes = createCrashes(log);
  let usedAt = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  const start = () => startRunner(runnerOptions(options));
  const ended = (runner: Runner, ending: Ending) => {
    if (ending !== 'closed') crashes.note(runner, ending);
    waiting.admit();
  };
  const strayed = (runner: Runner) => retire(runner, crashes, fleet);
  const fleet: Fleet = createFleet({
    ...{ start, runnersMax, memoryMb, ended, strayed, log },
    started: () => watch.start(),
    turned: waiting.admit,
  });
  const freshRunner = createFreshRunner(fleet);

  /** Too much memory together: an idle runner ends, or else one of the user who takes most. */
  const relieve = (): void => {
    const idle = fleet.idle();
    if (idle) fleet.end(idle);
    else largestOfHeaviest(fleet.all())?.process.kill('memory');
  };
  const look = (now: number, isRound: boolean, isLate: boolean): void => {
    for (const runner of fleet.all()) if (isRound || runner.uses.size > 0) runner.process.look(isLate);
    const spare = fleet.fresh();
    if (spare && now - usedAt > freshMs) fleet.end(spare);
    if (fleet.isOverMemory()) relieve();
  };
  const watch = createWatch(look, () => fleet.all().length === 0);

  const choose = (use: RunnerFor): Runner | undefined => {
    if (isClosed) throw crashed('closed');
    return chooseRunner(fleet, use, { isQuarantined: crashes.isQuarantined(use), ofOneUser });
  };
  const lease = (runner: Runner, use: RunnerFor): Lease => {
    clearTimeout(runner.idleTimer);
    runner.owner = ownerOf(use);
    runner.uses.add(use);
    usedAt = performance.now();
    freshRunner.keep();
    return {
      runner: runner.process,
      release() {
        // Uses still assigned when the runner ended are the suspects: keep them.
        if (runner.process.hasEnded()) return;
        runner.uses.delete(use);
        if (runner.uses.size > 0 || !fleet.has(runner)) return;
        if (runner.isAlone || runner.process.hasStrayed() || (waiting.count() > 0 && !fleet.hasRoom()))
          fleet.end(runner);
        else runner.idleTimer = setTimeout(() => fleet.end(runner), idleMs).unref();
        waiting.admit();
      },
    };
  };
  const tryTake = (use: RunnerFor): Lease | undefined => {
    const runner = choose(use);
    return runner && lease(runner, use);
  };

  return {
    async take(use, signal) {
      watch.wake();
      return tryTake(use) ?? waiting.wait(() => tryTake(use), signal);
    },
    counts: () => ({ ...fleet.counts(), crashes: crashes.counts() }),
    tryOne: () => tryRunner(start),
    async close() {
      isClosed = true;
      waiting.admit();
      freshRunner.close();
      watch.close();
      await fleet.close();
    },
  };
}
