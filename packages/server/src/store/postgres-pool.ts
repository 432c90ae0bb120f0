import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { parse } from 'pg-connection-string';
import { OutcomeUnknownError, StoreError, StoreUnavailableError } from './store-error.js';

// Connections to the store. One that has failed in any way but a refused statement is thrown away: what the next
// user of it would meet is not known.

export interface PoolOptions {
  /** `postgres://user:password@host:port/database`; of the parameters `sslmode` and `application_name` count. */
  url: string;
  connectionsMax: number;
  /**
   * How long somebody waits for a connection and its first statement together, and for each later statement: a
   * server that went silent must not hold requests up.
   */
  patienceMs: number;
}

/** A transaction whose node went away in the middle of it must not hold its rows for long. */
const idleInTransactionMs = 10_000;
/** The end of a connection is not waited for when the wire is dead. */
const goodbyeMs = 2_000;
/** What is left for a statement when the wait for its connection took nearly everything. */
const statementMsMin = 100;

const int8 = 20;
const numeric = 1700;
/** Counts and sums; none of ours comes near the end of the safe integers. */
const asNumber = (text: string): number => Number(text);

const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === int8 || oid === numeric ? asNumber : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig;

/**
 * What the driver would otherwise take from the process's environment is given here, empty or not.
 * @throws StoreError without a word of the URL, which holds a password
 */
function clientConfig({ url, patienceMs }: PoolOptions): pg.ClientConfig {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(url, { useLibpqCompat: true });
  } catch {
    throw new StoreError(
      'MOORING_DATABASE_URL is no postgres:// URL, or names a certificate that cannot be read.',
    );
  }
  const { host, port, user, password, database, ssl } = parsed;
  if (!/^postgres(ql)?:\/\//.test(url) || !host || !user || !database) {
    throw new StoreError('MOORING_DATABASE_URL must be postgres://user:password@host:port/database.');
  }
  return {
    host,
    port: Number(port || 5432),
    user,
    // As a function, since an empty text would make the driver look for PGPASSWORD.
    password: () => password ?? '',
    database,
    ssl: (ssl as pg.ClientConfig['ssl']) ?? false,
    application_name: parsed.application_name ?? 'mooring',
    // DateStyle and the like have no say: instants are text.
    options: '-c client_encoding=UTF8',
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
    statement_timeout: patienceMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    types,
  };
}

const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
};

// SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html

/** Too many connections and the like, a primary that has become a replica, and a statement that took too long. */
const notRun = /^(53...|25006|57014)$/;
/** Connection exceptions, shutdown and crash, a session that was ended, and a completion the server does not know. */
const cutShort = /^(08...|57P..|25P..|40003)$/;

/** Nothing of it took effect when it failed in between: it reads, or begins or ends what is undone. */
const leavesNothing = /^(select|start transaction|begin|rollback)\b/i;

/** Errors of the driver hold host names at the most; the statement's values are not among them. */
const unavailable = (cause: unknown): StoreUnavailableError =>
  new StoreUnavailableError('The store does not answer.', { cause });

interface Leased {
  client: pg.PoolClient;
  /** What of the patience the wait for the connection has left. */
  leftMs: number;
}

/** One connection as Kysely takes it. It tells what is known of a statement that the wire swallowed. */
function connectionOf(
  { client, leftMs }: Leased,
  { onAnswer, onRelease }: { onAnswer(): void; onRelease(): void },
): PostgresPoolClient {
  let isBroken = false;
  let isInTransaction = false;
  let firstMs: number | undefined = Math.max(leftMs, statementMsMin);
  const onError = () => {
    isBroken = true;
  };
  client.on('error', onError);

  const failureOf = (error: unknown, statement: string): unknown => {
    const state = sqlState(error);
    if (state !== undefined && !notRun.test(state) && !cutShort.test(state)) return error;
    isBroken = true;
    if (state !== undefined && notRun.test(state)) return unavailable(error);
    const isUndone = leavesNothing.test(statement) || (isInTransaction && statement !== 'commit');
    return isUndone
      ? unavailable(error)
      : new OutcomeUnknownError('The store went away during a change.', { cause: error });
  };

  const query = async (text: string, values?: readonly unknown[]): Promise<unknown> => {
    if (isBroken) {
      // The server rolls back what its connection left open.
      if (text === 'rollback') return { command: 'ROLLBACK', rowCount: 0, rows: [] };
      throw unavailable(undefined);
    }
    const timeout = firstMs === undefined ? {} : { query_timeout: firstMs };
    firstMs = undefined;
    try {
      const result = await client.query({ text, values: values as unknown[], ...timeout });
      onAnswer();
      if (/^(start transaction|begin)\b/.test(text)) isInTransaction = true;
      if (text === 'commit' || text === 'rollback') isInTransaction = false;
      return result;
    } catch (error) {
      throw failureOf(error, text);
    }
  };

  return {
    query,
    release() {
      client.off('error', onError);
      client.release(isBroken);
      onRelease();
    },
  } as unknown as PostgresPoolClient;
}

/** A pool as Kysely takes it, for PostgreSQL and what speaks its protocol. */
export function createPostgresPool(options: PoolOptions): PostgresPool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    max: options.connectionsMax,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection whose server went away; the pool has dropped it already.
  pool.on('error', () => undefined);
  // The pool takes its own listener off before whoever asked has the connection: an end that arrives in between would
  // end the process. The next statement on the connection fails and says so.
  pool.on('connect', (client) => client.on('error', () => undefined));

  // A crowd waits for its turn while the database answers somebody, however long; only silence is given up on.
  let answeredAt = Number.NEGATIVE_INFINITY;
  let taken = 0;
  const waiting = new Set<() => void>();
  const onAnswer = () => {
    answeredAt = performance.now();
  };
  const silentSince = (begun: number) => Math.max(begun, answeredAt);
  const giveBack = () => {
    const [next] = waiting;
    if (!next) taken -= 1;
    else next();
  };

  const turn = (begun: number): Promise<void> =>
    new Promise((resolve, reject) => {
      if (taken < options.connectionsMax) {
        taken += 1;
        resolve();
        return;
      }
      let timer: NodeJS.Timeout | undefined;
      const go = () => {
        clearTimeout(timer);
        waiting.delete(go);
        resolve();
      };
      const look = () => {
        const leftMs = options.patienceMs - (performance.now() - silentSince(begun));
        if (leftMs > 0) {
          timer = setTimeout(look, leftMs);
          return;
        }
        waiting.delete(go);
        reject(unavailable(new Error('timeout: no connection became free')));
      };
      waiting.add(go);
      look();
    });

  /** The pool's own limit counts anew for each thing it waits for. */
  const lease = (begun: number): Promise<Leased> =>
    new Promise((leased, failed) => {
      let isLate = false;
      const timer = setTimeout(
        () => {
          isLate = true;
          failed(unavailable(new Error('timeout: no connection became free')));
        },
        Math.max(options.patienceMs - (performance.now() - silentSince(begun)), statementMsMin),
      );
      pool.connect().then(
        (client) => {
          clearTimeout(timer);
          if (isLate) client.release();
          else leased({ client, leftMs: options.patienceMs - (performance.now() - silentSince(begun)) });
        },
        (error: unknown) => {
          clearTimeout(timer);
          failed(unavailable(error));
        },
      );
    });

  const connect = async (): Promise<PostgresPoolClient> => {
    const begun = performance.now();
    await turn(begun);
    try {
      return connectionOf(await lease(begun), { onAnswer, onRelease: giveBack });
    } catch (error) {
      giveBack();
      throw error;
    }
  };

  return {
    connect,
    async end() {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, goodbyeMs);
      });
      await Promise.race([pool.end(), patience]);
      clearTimeout(timer);
    },
  };
}
