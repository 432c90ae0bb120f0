import type { Logger } from 'pino';
import { AppError } from '../errors/app-error.js';
import type { WorkOwner } from '../sessions/execute.js';
import type { Ending } from './endings.js';
import type { RunnerProcess } from './runner-process.js';

/** A use that needs a runner. */
export interface RunnerFor extends Pick<WorkOwner, 'tenantId' | 'userId' | 'destination'> {
  sourceId: string;
  /** Keeps a processor busy: worth a runner of its own while there is room. */
  isLong: boolean;
}

/** A runner of the pool. From its first login to its end it belongs to one user. */
export interface Runner {
  process: RunnerProcess;
  /** Undefined while it is fresh: it has held no login and is free for any user. */
  owner: string | undefined;
  /** For one use only, of a user whose use has crashed a runner. */
  isAlone: boolean;
  /** Uses assigned to it that have not ended. */
  uses: Set<RunnerFor>;
  idleTimer: NodeJS.Timeout | undefined;
}

const freshOf = (process: RunnerProcess): Runner => ({
  ...{ process, owner: undefined, isAlone: false },
  ...{ uses: new Set<RunnerFor>(), idleTimer: undefined },
});

export const ownerOf = ({ tenantId, userId }: RunnerFor): string => `${tenantId}\n${userId}`;

const megabyte = 1024 * 1024;
const freshDelayMs = 250;

export const busy = (cause?: unknown) =>
  new AppError('BUSY', 'All runners are in use. Nothing was sent to the source. Retry as Retry-After says.', {
    retryAfterSeconds: 2,
    cause,
  });

/**
 * The largest runner of the owner who uses most memory in total, so that many small runners of one user do not cost
 * another user a larger one.
 */
export function largestOfHeaviest(runners: readonly Runner[]): Runner | undefined {
  const taken = new Map<string | undefined, number>();
  for (const { owner, process } of runners) taken.set(owner, (taken.get(owner) ?? 0) + process.memoryBytes());
  const bytesOf = ({ owner }: Runner) => taken.get(owner) ?? 0;
  return runners.toSorted(
    (one, other) => bytesOf(other) - bytesOf(one) || other.process.memoryBytes() - one.process.memoryBytes(),
  )[0];
}

export type Fleet = ReturnType<typeof createFleet>;

export interface FleetOptions {
  /** @throws Error when the system starts no process */
  start(): RunnerProcess;
  runnersMax: number;
  /** Of all together. */
  memoryMb: number;
  started(): void;
  ended(runner: Runner, ending: Ending): void;
  /** A driver has failed in the runner; its other uses continue. */
  strayed(runner: Runner): void;
  /** Another runner may be started now. */
  turned(): void;
  log: Logger;
}

/** The runners of a pool, within its limits. */
export function createFleet(options: FleetOptions) {
  const { runnersMax, memoryMb, log } = options;
  const runners = new Set<Runner>();
  let startedInTurn = false;

  /** One that no user has used. */
  const fresh = () => [...runners].find(({ owner }) => owner === undefined);
  /** One of a user that has nothing to do. */
  const idle = () => [...runners].find(({ uses, owner }) => owner !== undefined && uses.size === 0);
  const memoryBytes = () => [...runners].reduce((sum, { process }) => sum + process.memoryBytes(), 0);
  const hasRoom = () => runners.size < runnersMax && memoryBytes() < memoryMb * megabyte;

  /**
   * A start blocks this process for milliseconds, so there is one per turn of its loop.
   * @returns undefined: not in this turn
   * @throws AppError `BUSY`
   */
  const add = (): Runner | undefined => {
    if (startedInTurn) return undefined;
    startedInTurn = true;
    setImmediate(() => {
      startedInTurn = false;
      options.turned();
    });
    let process: RunnerProcess;
    try {
      process = options.start();
    } catch (cause) {
      log.error({ err: cause }, 'a runner could not be started');
      throw busy(cause);
    }
    const runner = freshOf(process);
    runners.add(runner);
    void process.ended.then((ending) => {
      runners.delete(runner);
      clearTimeout(runner.idleTimer);
      options.ended(runner, ending);
    });
    void process.strayed.then(() => options.strayed(runner));
    options.started();
    return runner;
  };
  const end = (runner: Runner) => {
    runners.delete(runner);
    clearTimeout(runner.idleTimer);
    runner.process.close();
  };

  return {
    all: () => [...runners],
    has: (runner: Runner) => runners.has(runner),
    fresh,
    idle,
    isOverMemory: () => memoryBytes() > memoryMb * megabyte,
    hasRoom,
    add,
    /** A fresh runner, or a new one. Where there is no room, an idle runner ends to make some. */
    unused(): Runner | undefined {
      const found = fresh();
      if (found) return found;
      if (!hasRoom() && !startedInTurn) {
        const spare = idle();
        if (!spare) return undefined;
        end(spare);
      }
      return add();
    },
    end,
    counts() {
      const atWork = [...runners].filter(({ uses }) => uses.size > 0).length;
      return { atWork, idle: runners.size - atWork, memoryBytes: memoryBytes() };
    },
    /** Ends all runners. */
    async close(): Promise<void> {
      const all = [...runners];
      for (const runner of all) end(runner);
      await Promise.all(all.map(({ process }) => process.ended));
    },
  };
}

/** Keeps one fresh runner ready while there is room, so that the next user need not wait for a start. */
export function createFreshRunner(fleet: Fleet) {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const isNeeded = () => !isClosed && !fleet.fresh() && fleet.hasRoom();
  const keep = () => {
    if (timer || !isNeeded()) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (!isNeeded()) return;
      try {
        if (!fleet.add()) keep();
      } catch {
        // Already logged; a use that needs a runner gets the error.
      }
    }, freshDelayMs).unref();
  };
  return {
    keep,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
