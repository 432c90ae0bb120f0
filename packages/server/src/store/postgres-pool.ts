import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { parse } from 'pg-connection-string';
import { StoreError, StoreUnavailableError } from './store-error.js';

// Connections to the store. One that has failed in any way but a refused statement is thrown away: what the next
// user of it would meet is not known.

export interface PoolOptions {
  /** `postgres://user:password@host:port/database`; of the parameters `sslmode` and `application_name` count. */
  url: string;
  connectionsMax: number;
  /** How long a request waits for a connection, and a connection for its server. */
  connectMs: number;
  /** How long a statement may take; a server that went silent must not hold requests up. */
  statementMs: number;
}

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
function clientConfig({ url, connectMs, statementMs }: PoolOptions): pg.ClientConfig {
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
    password: password ?? '',
    database,
    ssl: (ssl as pg.ClientConfig['ssl']) ?? false,
    application_name: parsed.application_name ?? 'mooring',
    // DateStyle and the like have no say: instants are text.
    options: '-c client_encoding=UTF8',
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    keepAlive: true,
    types,
  };
}

/** Failures of a statement that leave the connection as it was. */
function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return false;
  // Connection exceptions, shutdown and crash, too many connections, and a primary that has become a replica.
  return !(code.startsWith('08') || code.startsWith('57P') || code.startsWith('53') || code === '25006');
}

/** Errors of the driver hold host names at the most; the statement's values are not among them. */
const unavailable = (cause: unknown): StoreUnavailableError =>
  new StoreUnavailableError('The store does not answer.', { cause });

/** A pool as Kysely takes it, for PostgreSQL and what speaks its protocol. */
export function createPostgresPool(options: PoolOptions): PostgresPool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    max: options.connectionsMax,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection whose server went away; the pool has dropped it already.
  pool.on('error', () => undefined);

  const wrap = (client: pg.PoolClient): PostgresPoolClient => {
    let isBroken = false;
    const ignore = () => {
      isBroken = true;
    };
    client.on('error', ignore);
    return {
      async query(statement: unknown, parameters?: readonly unknown[]) {
        try {
          return await client.query(statement as string, parameters as unknown[]);
        } catch (error) {
          if (isRefusal(error)) throw error;
          isBroken = true;
          throw unavailable(error);
        }
      },
      release() {
        client.off('error', ignore);
        client.release(isBroken);
      },
    } as unknown as PostgresPoolClient;
  };

  return {
    async connect() {
      let client: pg.PoolClient;
      try {
        client = await pool.connect();
      } catch (error) {
        throw unavailable(error);
      }
      return wrap(client);
    },
    end: () => pool.end(),
  };
}
