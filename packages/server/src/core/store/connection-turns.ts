import { afterSilence } from '@mooring/connectors/kit/silence';
import type pg from 'pg';
import { StoreUnavailableError } from './store-error.js';

// Who gets which connection to the store, and how long one waits for it.

/**
 * How many connections are made at once. Each costs the database a process and both sides a key derivation, so a crowd
 * that made them all at once would wait longer for each of them than for one that somebody gives back.
 */
const connectsMax = 2;
/** What is left for a statement when the wait for its connection took nearly everything. */
const statementMsMin = 100;

export interface Leased {
  client: pg.PoolClient;
  /** What of the patience the wait for the connection has left for the first statement. */
  firstMs: number;
}

export interface ConnectionTurns {
  /**
   * Waits for a connection, in the order of asking, for as long as the database answers anybody.
   * @throws StoreUnavailableError
   */
  lease(): Promise<Leased>;
  /** @param isBroken it is thrown away */
  giveBack(client: pg.PoolClient, isBroken: boolean): void;
  /** To be called when the database has answered. */
  onAnswer(): void;
}

/** Errors of the driver hold host names at the most; the statement's values are not among them. */
export const unavailable = (cause: unknown): StoreUnavailableError =>
  new StoreUnavailableError('The store does not answer.', { cause });

/** @param options.patienceMs how long the database may answer nobody */
export function createConnectionTurns(
  pool: pg.Pool,
  options: { connectionsMax: number; patienceMs: number },
): ConnectionTurns {
  // An idle connection whose server went away; the pool has dropped it already.
  pool.on('error', () => undefined);
  // A crowd waits for its turn while the database answers somebody, however long; only silence is given up on.
  let answeredAt = Number.NEGATIVE_INFINITY;
  let connecting = 0;
  const waiting = new Set<{ go(): void; fail(error: unknown): void }>();
  const onAnswer = () => {
    answeredAt = performance.now();
  };
  // The pool takes its own listener off before whoever asked has the connection: an end that arrives in between would
  // end the process. The next statement on the connection fails and says so.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    onAnswer();
  });
  const leftOf = (begun: number) => options.patienceMs - (performance.now() - Math.max(begun, answeredAt));
  /** Nobody waits for a certain connection: whoever is first takes whichever is free first, an old one or a new one. */
  const grow = () => {
    const isFull = pool.totalCount >= options.connectionsMax;
    if (waiting.size === 0 || connecting >= connectsMax || isFull) return;
    connecting += 1;
    pool.connect().then(
      (client) => {
        client.release();
        connecting -= 1;
        // Not at once: should the pool have given one that there was, this would go round and round.
        setImmediate(letGo);
      },
      (error: unknown) => {
        connecting -= 1;
        // With no connection at all nobody can be served, and who waits is told why. With some the next who comes or
        // goes tries again, so that a database which takes no more is not asked without a pause.
        if (pool.totalCount > connecting) return;
        for (const { fail } of waiting) fail(unavailable(error));
      },
    );
  };
  const letGo = () => {
    for (const { go } of waiting) {
      // A connection that stands but is still being set up is nobody's: who asked for it would wait for a new one.
      if (pool.idleCount <= pool.waitingCount) break;
      go();
    }
    grow();
  };

  /** @param onSilence called when the database has answered nobody for as long as one waits */
  const watch = (begun: number, onSilence: () => void): (() => void) => {
    const look = () =>
      afterSilence(leftOf(begun), () => {
        if (leftOf(begun) > 0) stop = look();
        else onSilence();
      });
    let stop = look();
    return () => stop();
  };

  return {
    onAnswer,
    lease() {
      const begun = performance.now();
      return new Promise((leased, failed) => {
        let isOver = false;
        const leave = () => {
          isOver = true;
          stop();
          waiting.delete(one);
        };
        const one = {
          go() {
            waiting.delete(one);
            // Asked for in the moment of the turn, so that what is free is not gone to who makes new ones.
            pool.connect().then(
              (client) => {
                if (isOver) {
                  client.release();
                  letGo();
                  return;
                }
                leave();
                leased({ client, firstMs: Math.max(leftOf(begun), statementMsMin) });
              },
              (error: unknown) => {
                one.fail(unavailable(error));
                letGo();
              },
            );
          },
          fail(error: unknown) {
            leave();
            failed(error);
          },
        };
        const stop = watch(begun, () =>
          one.fail(unavailable(new Error('timeout: no connection became free'))),
        );
        waiting.add(one);
        letGo();
      });
    },
    giveBack(client, isBroken) {
      client.release(isBroken);
      letGo();
    },
  };
}
