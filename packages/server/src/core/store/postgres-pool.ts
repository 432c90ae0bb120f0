import { afterSilence } from '@mooring/connectors/kit/silence';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { parse } from 'pg-connection-string';
import { type ConnectionTurns, createConnectionTurns, type Leased, unavailable } from './connection-turns.js';
import { OutcomeUnknownError, StoreError, StoreFullError } from './store-error.js';

// Connections to the store. One that failed in any way other than a refused statement is closed, because its state is
// unknown.

export interface PoolOptions {
  /** `postgres://user:password@host:port/database`; of the parameters, `sslmode` and `application_name` are used. */
  url: string;
  connectionsMax: number;
  /**
   * Timeout of a connection and its first statement together, and of each later statement: a silent server must not
   * block requests.
   */
  patienceMs: number;
}

/** A transaction whose node has gone must not lock its rows for long. */
const idleInTransactionMs = 10_000;
/** How long to wait for connections to close; a dead network must not block. */
const goodbyeMs = 2_000;

const int8 = 20;
const numeric = 1700;
/** Counts and sums; ours stay far below the largest safe integer. */
const asNumber = (text: string): number => Number(text);

const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === int8 || oid === numeric ? asNumber : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig;

/**
 * Options that the driver would otherwise read from the environment are set here, also empty ones.
 * @throws StoreError without text of the URL, which contains a password
 */
function clientConfig({ url, patienceMs }: PoolOptions): pg.ClientConfig {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(url, { useLibpqCompat: true });
  } catch {
    throw new StoreError(
      'The URL of the database is not a postgres:// URL, or names a certificate that cannot be read.',
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
    // A function, because an empty string would make the driver read PGPASSWORD.
    password: () => password ?? '',
    database,
    ssl: (ssl as pg.ClientConfig['ssl']) ?? false,
    application_name: parsed.application_name ?? 'mooring',
    // DateStyle and similar settings do not matter: instants are text. Limits are set by statements, because a pooler
    // may refuse unknown startup parameters, or be configured to ignore them.
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

/** The statement found no space. The connection is intact, and reads continue. */
const diskFull = '53100';
/** Too many connections and similar, a primary that became a replica, and a statement timeout. */
const notRun = /^(53...|25006|57014)$/;
/** Connection exceptions, shutdown and crash, a terminated session, and an unknown transaction outcome. */
const cutShort = /^(08...|57P..|25P..|40003)$/;

/** A statement without lasting effect when it fails midway: a read, or a begin or rollback. */
const leavesNothing = /^(select|start transaction|begin|rollback)\b/i;

/** @throws Error when the database is silent for so long; the result of the statement is then dropped */
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

/** @param scope `local`: for the transaction, whichever connection a pooler uses */
const limits = (scope: 'session' | 'local', patienceMs: number): string =>
  `set ${scope} statement_timeout = ${patienceMs}; set ${scope} idle_in_transaction_session_timeout = ${idleInTransactionMs}`;

/** A connection for Kysely. It reports whether a statement that failed on the network may have taken effect. */
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
      // The server rolls back the open transaction of a lost connection.
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

/** Ignores PGOPTIONS: an empty string in the configuration would make the driver read it. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    (this as unknown as { connectionParameters: { options: string } }).connectionParameters.options = '';
  }
}

/** A pool for Kysely, for PostgreSQL and databases with its protocol. */
export function createPostgresPool(options: PoolOptions): PostgresPool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    Client,
    max: options.connectionsMax,
    idleTimeoutMillis: 30_000,
    // For statements outside a transaction, where the session is ours.
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
