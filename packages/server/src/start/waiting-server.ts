import type { Logger } from 'pino';
import type { Config } from '../core/config/config.js';
import { DatabaseAwayError, type Opened, openUnderKey } from '../core/opening/open-store.js';
import { OutcomeUnknownError, StoreHeldError, StoreUnavailableError } from '../core/store/store-error.js';
import { KeyServiceError } from '../core/vault/key-service.js';
import { type SealedServer, sealedServer } from './sealed.js';

// A start whose store or key service is unavailable, which may be temporary.

export interface RunningServer {
  url: string;
  /** Resolves when a sealed server meets a permanent failure. */
  failed: Promise<Error>;
  /** Drains requests, then closes everything. */
  close(): Promise<void>;
}

export interface Start {
  config: Config;
  log: Logger;
  print(line: string): void;
  /** Entry point of runners; undefined: the bundled one beside this program. */
  runnerEntry: string | undefined;
}

export const isAway = (error: unknown): error is Error =>
  error instanceof DatabaseAwayError ||
  error instanceof StoreHeldError ||
  error instanceof KeyServiceError ||
  error instanceof StoreUnavailableError ||
  error instanceof OutcomeUnknownError;

export const never = new Promise<never>(() => undefined);

/** Doubled after each failure of a key service, which counts and bills calls. */
const tryAgainMs = { database: 1_000, keyServiceMost: 30_000 };

/**
 * A sealed server that starts to serve when its database or its key service responds.
 * @param serveOpened closes the store when it throws
 */
export function untilItIsBack(
  { config, log, print, runnerEntry }: Start,
  sealed: SealedServer,
  serveOpened: (start: Start, opened: Opened) => Promise<RunningServer>,
): RunningServer {
  let current: Pick<RunningServer, 'url' | 'close'> = sealed;
  let isClosed = false;
  const atSamePort = { ...config, port: Number(new URL(sealed.url).port) };
  let pauseMs = tryAgainMs.database;

  /** @throws permanent failures */
  const tryOnce = async (): Promise<boolean> => {
    let opened: Opened;
    try {
      opened = await openUnderKey(config, log);
    } catch (error) {
      if (error instanceof KeyServiceError) {
        pauseMs = Math.min(pauseMs * 2, tryAgainMs.keyServiceMost);
        log.warn({ err: error }, error.message);
      }
      if (isAway(error)) return false;
      throw error;
    }
    await current.close();
    try {
      current = await serveOpened({ config: atSamePort, log, print, runnerEntry }, opened);
      return true;
    } catch (error) {
      if (!isAway(error)) throw error;
      current = await sealedServer({ config: atSamePort, log, reason: error.message });
      return false;
    }
  };
  const trying = async (): Promise<void> => {
    do await new Promise((resolve) => setTimeout(resolve, pauseMs));
    while (!isClosed && !(await tryOnce()));
  };
  const tried = trying();
  return {
    get url() {
      return current.url;
    },
    failed: tried.then(
      () => never,
      (error: Error) => error,
    ),
    async close() {
      isClosed = true;
      await tried.catch(() => undefined);
      await current.close();
    },
  };
}
