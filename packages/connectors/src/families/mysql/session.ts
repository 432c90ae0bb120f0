import mysql from 'mysql2';
import type { Session, SessionContext } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { abortError, throwIfAborted } from '../../kit/deadline.js';
import type { SystemCatalog } from '../sql/browse.js';
import { createSqlSession, type SqlConnection, statementOf } from '../sql/session.js';
import type { MySqlTypes } from './fields.js';
import { startRead } from './reads.js';
import { answered, command, dial, kill, type MySqlOptions, prepared, signedIn, type Wire } from './wire.js';

/**
 * UTF-8 text, repeated after a reset, which restores the server's default; instants in UTC; read-only even if a
 * statement ended our transaction; and ten minutes instead of one before the server drops a slow reader.
 */
const SESSION_SETUP = [
  `set session character_set_client = utf8mb4, session character_set_connection = utf8mb4,
    session character_set_results = utf8mb4, session time_zone = '+00:00', session net_write_timeout = 600`,
  'set session transaction read only',
];

/** Runs one of our own statements as a prepared statement; values travel as parameters (case D12). */
export type RunStatement = (text: string, values: readonly (string | number | null)[]) => Promise<Row[]>;
type Row = readonly unknown[];

/** Differences between vendors of this protocol. */
export interface MySqlVendor {
  types: MySqlTypes;
  catalog(run: RunStatement): SystemCatalog;
  translate(error: unknown): ConnectorError;
}

async function setUp(wire: Wire): Promise<void> {
  for (const statement of SESSION_SETUP) await command(wire, statement);
}

interface Opened {
  wire: Wire;
  options: MySqlOptions;
  context: SessionContext;
  vendor: MySqlVendor;
}

function connectionOf({ wire, options, context, vendor }: Opened): SqlConnection {
  const { connection, socket } = wire;
  const { threadId } = connection;
  return {
    socket,
    catalog: vendor.catalog(async (sql, values) => (await prepared(wire, sql, values)) as Row[]),
    translate: vendor.translate,
    ping: () => answered(wire, (callback) => connection.ping((error) => callback(error, undefined))),
    async reset() {
      await answered(wire, (callback) => connection.reset((error) => callback(error ?? null, undefined)));
      await setUp(wire);
    },
    readOf(request) {
      const statement = statementOf(request, (name) => mysql.escapeId(name, true));
      return async (hooks) => {
        await command(wire, 'start transaction read only');
        return startRead(wire, statement, { ...hooks, types: vendor.types });
      };
    },
    rollBack() {
      // A late kill may hit the first statement after its target.
      const attempt = () => command(wire, 'rollback');
      return attempt().catch(attempt);
    },
    cancel: (what) =>
      kill(context.network, options, { kind: what === 'session' ? 'connection' : 'query', threadId }),
    sayGoodbye: () => connection.end(() => undefined),
    destroy: () => wire.destroy(new ConnectorError('cancelled', 'The session was ended.')),
  };
}

/**
 * Connects and signs in.
 * @throws ConnectorError; nothing is left open then
 */
export async function openMySql(
  options: MySqlOptions,
  context: SessionContext,
  vendor: MySqlVendor,
): Promise<Session> {
  const { signal, network } = context;
  throwIfAborted(signal);
  const wire = dial(network, options);
  const abandon = () => wire.destroy(abortError(signal));
  signal.addEventListener('abort', abandon, { once: true });
  try {
    await signedIn(wire);
    await setUp(wire);
    throwIfAborted(signal);
  } catch (error) {
    wire.destroy();
    throw signal.aborted ? abortError(signal) : vendor.translate(error);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
  return createSqlSession(connectionOf({ wire, options, context, vendor }), signal);
}
