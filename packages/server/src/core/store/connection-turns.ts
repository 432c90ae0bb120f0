import { afterSilence } from '@mooring/connectors/kit/silence';
import type pg from 'pg';
import { StoreUnavailableError } from './store-error.js';

// Which caller gets a connection to the store, and how long it waits for one.

/**
 * How many connections are opened at once. Each costs the database a process and both sides a key derivation, so opening
 * all at once would make each slower than waiting for one that is returned.
 */
const connectsMax = 2;
/** Minimum for a statement after the wait for its connection. */
const statementMsMin = 100;

export interface Leased {
  client: pg.PoolClient;
  /** Time that the wait for the connection has left for the first statement. */
  firstMs: number;
}

/** Errors of the driver contain host names at most, never values of a statement. */
export const unavailable = (cause: unknown): StoreUnavailableError =>
  new StoreUnavailableError('The store does not answer.', { cause });

/** How long to wait: a queue waits while the database answers any request; only silence ends a wait. */
function createPatience(patienceMs: number) {
  let answeredAt = Number.NEGATIVE_INFINITY;
  const leftOf = (begun: number) => patienceMs - (performance.now() - Math.max(begun, answeredAt));
  return {
    onAnswer() {
      answeredAt = performance.now();
    },
    leftOf,
    /** @param onSilence called when the database has answered no request for `patienceMs` @returns stops the watch */
    watch(begun: number, onSilence: () => void): () => void {
      const look = () =>
        afterSilence(leftOf(begun), () => {
          if (leftOf(begun) > 0) stop = look();
          else onSilence();
        });
      let stop = look();
      return () => stop();
    },
  };
}

interface Waiter {
  go(): void;
  fail(error: unknown): void;
}

interface Growth {
  waiting: ReadonlySet<Waiter>;
  connectionsMax: number;
  /** A connection was added, or may be free. */
  added(): void;
}

/** Adds connections while there are waiters. @returns adds one, unless enough are being made */
function createGrowth(pool: pg.Pool, { waiting, connectionsMax, added }: Growth): () => void {
  let connecting = 0;
  return () => {
    if (waiting.size === 0 || connecting >= connectsMax || pool.totalCount >= connectionsMax) return;
    connecting += 1;
    pool.connect().then(
      (client) => {
        client.release();
        connecting -= 1;
        // Not at once: if the pool handed out an idle connection, this would loop.
        setImmediate(added);
      },
      (error: unknown) => {
        connecting -= 1;
        // Without any connection no waiter can be served, so all fail with the reason. With some, the next caller that
        // comes or leaves tries again, so that a database which accepts no more is not asked continuously.
        if (pool.totalCount > connecting) return;
        for (const { fail } of waiting) fail(unavailable(error));
      },
    );
  };
}

export type ConnectionTurns = ReturnType<typeof createConnectionTurns>;

/** @param options.patienceMs how long the database may answer no request */
export function createConnectionTurns(
  pool: pg.Pool,
  options: { connectionsMax: number; patienceMs: number },
) {
  // An idle connection whose server went away; the pool has dropped it already.
  pool.on('error', () => undefined);
  const patience = createPatience(options.patienceMs);
  // The pool removes its own listener before the caller has the connection: an error in between would end the process.
  // The next statement on the connection fails and says so.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    patience.onAnswer();
  });
  const waiting = new Set<Waiter>();
  const letGo = () => {
    for (const { go } of waiting) {
      // A connection that is still being set up does not count as free: a caller that asked for it would wait for a new one.
      if (pool.idleCount <= pool.waitingCount) break;
      go();
    }
    grow();
  };
  // Waiters are FIFO; each takes the first connection that is free, pooled or new.
  const grow = createGrowth(pool, { waiting, connectionsMax: options.connectionsMax, added: letGo });

  return {
    /** To be called when the database has answered. */
    onAnswer: patience.onAnswer,
    /**
     * Waits for a connection, in order of arrival, while the database answers any request.
     * @throws StoreUnavailableError
     */
    lease(): Promise<Leased> {
      const begun = performance.now();
      return new Promise((leased, failed) => {
        let isOver = false;
        const leave = () => {
          isOver = true;
          stop();
          waiting.delete(one);
        };
        const one: Waiter = {
          go() {
            waiting.delete(one);
            // Requested at the moment of the turn, so that a free connection does not go to those who make new ones.
            pool.connect().then(
              (client) => {
                if (isOver) {
                  client.release();
                  letGo();
                  return;
                }
                leave();
                leased({ client, firstMs: Math.max(patience.leftOf(begun), statementMsMin) });
              },
              (error: unknown) => {
                one.fail(unavailable(error));
                letGo();
              },
            );
          },
          fail(error) {
            leave();
            failed(error);
          },
        };
        const stop = patience.watch(begun, () =>
          one.fail(unavailable(new Error('timeout: no connection became free'))),
        );
        waiting.add(one);
        letGo();
      });
    },
    /** @param isBroken the connection is closed */
    giveBack(client: pg.PoolClient, isBroken: boolean): void {
      client.release(isBroken);
      letGo();
    },
  };
}
