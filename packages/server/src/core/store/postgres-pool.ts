import { afterSilence } from '@mooring/connectors/kit/silence';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { parse } from 'pg-connection-string';
import { type ConnectionTurns, createConnectionTurns, type Leased, unavailable } from './connection-turns.js';
import { OutcomeUnknownError, StoreError, StoreFullError } from './store-error.js';

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
      'The URL of the database is no postgres:// URL, or names a certificate that cannot be read.',
    );
  }
  const { host, port, user, password, database, ssl } = parsed;
  if (!/^postgres(ql)?:\/\//.test(url) || !host || !user || !database) {
    throw new StoreError('The URL of the database must be postgres://user:password@host:port/database.');
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
    // DateStyle and the like have no say: instants are text. The limits are set by statements, since a pooler in between
    // refuses what it does not know in a start, or is told to pass over it in silence.
    connectionTimeoutMillis: patienceMs,
    keepAlive: true,
    types,
  };
}

const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
};

// SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html

/** The statement found no room. Nothing is wrong with the connection, and reads go on. */
const diskFull = '53100';
/** Too many connections and the like, a primary that has become a replica, and a statement that took too long. */
const notRun = /^(53...|25006|57014)$/;
/** Connection exceptions, shutdown and crash, a session that was ended, and a completion the server does not know. */
const cutShort = /^(08...|57P..|25P..|40003)$/;

/** Nothing of it took effect when it failed in between: it reads, or begins or ends what is undone. */
const leavesNothing = /^(select|start transaction|begin|rollback)\b/i;

/** @throws Error when the database is silent for so long; what the statement still comes to is nobody's then */
async function answered<Answer>(patienceMs: number, statement: Promise<Answer>): Promise<Answer> {
  let stop: (() => void) | undefined;
  const silence = new Promise<never>((_, reject) => {
    stop = afterSilence(patienceMs, () => reject(new Error('timeout: no answer to a statement')));
  });
  try {
    return await Promise.race([statement, silence]);
  } finally {
    stop?.();
  }
}

/** @param scope `local`: of the transaction, whichever connection of a pooler it is given */
const limits = (scope: 'session' | 'local', patienceMs: number): string =>
  `set ${scope} statement_timeout = ${patienceMs}; set ${scope} idle_in_transaction_session_timeout = ${idleInTransactionMs}`;

/** One connection as Kysely takes it. It tells what is known of a statement that the wire swallowed. */
function connectionOf(
  { client, firstMs }: Leased,
  patienceMs: number,
  turns: ConnectionTurns,
): PostgresPoolClient {
  let isBroken = false;
  let isInTransaction = false;
  let withinMs = firstMs;
  const onError = () => {
    isBroken = true;
  };
  client.on('error', onError);

  const failureOf = (error: unknown, statement: string): unknown => {
    const state = sqlState(error);
    if (state === diskFull) {
      return new StoreFullError('The disk of the database is full.', { cause: error });
    }
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
    const ms = withinMs;
    withinMs = patienceMs;
    const isBegin = /^(start transaction|begin)\b/.test(text);
    const sent = isBegin
      ? { text: `${text}; ${limits('local', patienceMs)}` }
      : { text, values: values as unknown[] };
    try {
      const result = await answered(ms, client.query(sent));
      turns.onAnswer();
      if (isBegin) isInTransaction = true;
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
      turns.giveBack(client, isBroken);
    },
  } as unknown as PostgresPoolClient;
}

/** Takes no PGOPTIONS: an empty text in the configuration would make the driver look there. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    (this as unknown as { connectionParameters: { options: string } }).connectionParameters.options = '';
  }
}

/** A pool as Kysely takes it, for PostgreSQL and what speaks its protocol. */
export function createPostgresPool(options: PoolOptions): PostgresPool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    Client,
    max: options.connectionsMax,
    idleTimeoutMillis: 30_000,
    // For statements outside of a transaction, where a session is kept for us.
    verify: (client, done) => {
      answered(options.patienceMs, client.query(limits('session', options.patienceMs))).then(
        () => done(),
        done,
      );
    },
  });
  const turns = createConnectionTurns(pool, options);
  return {
    connect: async () => connectionOf(await turns.lease(), options.patienceMs, turns),
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
