import type { Logger } from 'pino';
import { AppError } from '../errors/app-error.js';
import type { Ending } from './endings.js';
import type { Runner, RunnerFor } from './runner.js';
import type { RunnerProcess } from './runner-process.js';

const megabyte = 1024 * 1024;

export const busy = (cause?: unknown) =>
  new AppError('BUSY', 'All runners are in use. Nothing was sent to the source. Retry as Retry-After says.', {
    retryAfterSeconds: 2,
    cause,
  });

/** The runners of a pool, within its limits. */
export interface Fleet {
  all(): readonly Runner[];
  has(runner: Runner): boolean;
  /** One that no user has used. */
  fresh(): Runner | undefined;
  /** One of a user that has nothing to do. */
  idle(): Runner | undefined;
  memoryBytes(): number;
  isOverMemory(): boolean;
  hasRoom(): boolean;
  /**
   * A start blocks this process for milliseconds, so there is one per turn of its loop.
   * @returns undefined: not in this turn
   * @throws AppError `BUSY`
   */
  add(): Runner | undefined;
  /** A fresh runner, or a new one. Where there is no room, an idle runner ends to make some. */
  unused(): Runner | undefined;
  end(runner: Runner): void;
  counts(): { atWork: number; idle: number; memoryBytes: number };
  /** Ends all runners. */
  close(): Promise<void>;
}

export interface FleetOptions {
  /** @throws Error when the system starts no process */
  start(): RunnerProcess;
  runnersMax: number;
  /** Of all together. */
  memoryMb: number;
  started(): void;
  ended(runner: Runner, ending: Ending): void;
  /** Another runner may be started now. */
  turned(): void;
  log: Logger;
}

export function createFleet(options: FleetOptions): Fleet {
  const { runnersMax, memoryMb, log } = options;
  const runners = new Set<Runner>();
  let startedInTurn = false;

  const fresh = () => [...runners].find(({ owner }) => owner === undefined);
  const idle = () => [...runners].find(({ uses, owner }) => owner !== undefined && uses.size === 0);
  const memoryBytes = () => [...runners].reduce((sum, { process }) => sum + process.memoryBytes(), 0);
  const hasRoom = () => runners.size < runnersMax && memoryBytes() < memoryMb * megabyte;

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
    const runner: Runner = {
      ...{ process, owner: undefined, isAlone: false },
      ...{ uses: new Set<RunnerFor>(), idleTimer: undefined },
    };
    runners.add(runner);
    void process.ended.then((ending) => {
      runners.delete(runner);
      clearTimeout(runner.idleTimer);
      options.ended(runner, ending);
    });
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
    has: (runner) => runners.has(runner),
    fresh,
    idle,
    memoryBytes,
    isOverMemory: () => memoryBytes() > memoryMb * megabyte,
    hasRoom,
    add,
    unused() {
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
    async close() {
      const all = [...runners];
      for (const { process, idleTimer } of all) {
        clearTimeout(idleTimer);
        process.close();
      }
      await Promise.all(all.map(({ process }) => process.ended));
    },
  };
}
