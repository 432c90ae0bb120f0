import type pg from 'pg';
import { afterSilence } from './silence.js';
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
  const established = new Set<pg.PoolClient>();
  // An idle connection whose server went away; the pool has dropped it already.
  pool.on('error', () => undefined);
  // A crowd waits for its turn while the database answers somebody, however long; only silence is given up on.
  let answeredAt = Number.NEGATIVE_INFINITY;
  let taken = 0;
  let connecting = 0;
  const waiting = new Set<{ go(): void; fail(error: unknown): void }>();
  const onAnswer = () => {
    answeredAt = performance.now();
  };
  // The pool takes its own listener off before whoever asked has the connection: an end that arrives in between would
  // end the process. The next statement on the connection fails and says so.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    established.add(client);
    onAnswer();
    client.once('end', () => established.delete(client));
  });
  const leftOf = (begun: number) => options.patienceMs - (performance.now() - Math.max(begun, answeredAt));
  /** Nobody waits for a certain connection: whoever is first takes whichever is free first, an old one or a new one. */
  const grow = () => {
    const isFull = established.size + connecting >= options.connectionsMax;
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
        if (established.size > 0) return;
        for (const { fail } of waiting) fail(unavailable(error));
      },
    );
  };
  const letGo = () => {
    for (const { go } of waiting) {
      if (taken >= established.size) break;
      go();
    }
    grow();
  };

  /** @param onSilence called when the database has answered nobody for as long as one waits */
  const watch = (begun: number, leastMs: number, onSilence: () => void): (() => void) => {
    const look = (ms: number) =>
      afterSilence(ms, () => {
        const leftMs = leftOf(begun);
        if (leftMs > 0) stop = look(leftMs);
        else onSilence();
      });
    let stop = look(Math.max(leftOf(begun), leastMs));
    return () => stop();
  };
  const noneFree = () => unavailable(new Error('timeout: no connection became free'));

  const turn = (begun: number): Promise<{ client: Promise<pg.PoolClient> }> =>
    new Promise((resolve, reject) => {
      const leave = () => {
        stop();
        waiting.delete(one);
      };
      const one = {
        go() {
          leave();
          taken += 1;
          // Asked for here and not by whoever awaits the turn, so that no new one is made in between.
          resolve({ client: pool.connect() });
        },
        fail(error: unknown) {
          leave();
          reject(error);
        },
      };
      const stop = watch(begun, 0, () => one.fail(noneFree()));
      waiting.add(one);
      letGo();
    });

  const arrived = (begun: number, client: Promise<pg.PoolClient>): Promise<Leased> =>
    new Promise((leased, failed) => {
      let isLate = false;
      const stop = watch(begun, statementMsMin, () => {
        isLate = true;
        failed(noneFree());
      });
      client.then(
        (client) => {
          stop();
          if (isLate) client.release();
          else leased({ client, firstMs: Math.max(leftOf(begun), statementMsMin) });
        },
        (error: unknown) => {
          stop();
          failed(unavailable(error));
        },
      );
    });

  const free = () => {
    taken -= 1;
    letGo();
  };

  return {
    onAnswer,
    async lease() {
      const begun = performance.now();
      const { client } = await turn(begun);
      try {
        return await arrived(begun, client);
      } catch (error) {
        free();
        throw error;
      }
    },
    giveBack(client, isBroken) {
      if (isBroken) established.delete(client);
      client.release(isBroken);
      free();
    },
  };
}
