import mysql from 'mysql2';
import { abortError, settledWithin, throwIfAborted } from '../../kit/deadline.js';
import type { ReadRequest, Session, SessionContext } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import { browseSql, type SystemCatalog, tableOf } from '../sql/browse.js';
import { createOccupancy, type Occupancy } from '../sql/occupancy.js';
import type { MySqlTypes } from './fields.js';
import { type StatementRead, startRead } from './reads.js';
import {
  answered,
  command,
  dial,
  GOODBYE_MS,
  kill,
  type MySqlOptions,
  prepared,
  signedIn,
  type Wire,
} from './wire.js';

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

/** A dot is part of the name, never a separator. */
const quoted = (name: string) => mysql.escapeId(name, true);

function toStatement(request: ReadRequest): StatementRead {
  const { path, query, columns, limit, batchRows, asText = [] } = request;
  const common = { batchRows, asText, ...(limit === undefined ? {} : { limit }) };
  if (query !== undefined) return { ...common, text: query, ...(columns ? { pick: columns } : {}) };
  const [schema, table] = tableOf(path ?? []);
  const from = `select ${columns?.map(quoted).join(', ') ?? '*'} from ${quoted(schema)}.${quoted(table)}`;
  return { ...common, text: limit === undefined ? from : `${from} limit ${Math.trunc(limit)}` };
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

/** Cancels, ends and closes the connection of a session. */
function createControl({ wire, options, context }: Opened, occupancy: Occupancy) {
  const { connection, socket } = wire;
  const { network, signal } = context;
  const { threadId } = connection;
  let killing: Promise<void> = Promise.resolve();
  const gone = new Promise((resolve) => socket.once('close', resolve));

  const cancel = () => {
    if (occupancy.isBusy()) killing = kill(network, options, { kind: 'query', threadId });
    return killing;
  };
  const terminate = () => {
    if (occupancy.isBusy()) killing = kill(network, options, { kind: 'connection', threadId });
    occupancy.end();
    wire.destroy(new ConnectorError('cancelled', 'The session was ended.'));
  };
  signal.addEventListener('abort', terminate, { once: true });

  const rollBack = async () => {
    if (!occupancy.isBusy()) return;
    // A late kill may hit the first statement after its target.
    const attempt = () => command(wire, 'rollback');
    await settledWithin(attempt().catch(attempt).then(occupancy.release, terminate), GOODBYE_MS);
    // A server that does not respond gets no further statements.
    if (occupancy.isBusy()) terminate();
  };
  const close = async () => {
    signal.removeEventListener('abort', terminate);
    if (occupancy.isBusy()) terminate();
    if (occupancy.isIdle()) {
      occupancy.end();
      connection.end(() => undefined);
      await settledWithin(gone, GOODBYE_MS);
      wire.destroy();
    }
    await Promise.all([gone, killing]);
  };
  return { cancel, terminate, rollBack, close };
}

function createSession(opened: Opened): Session {
  const { wire, context, vendor } = opened;
  const { connection } = wire;
  const { signal } = context;
  const occupancy = createOccupancy(signal);
  const { cancel, terminate, rollBack, close } = createControl(opened, occupancy);
  /** A user's statement has run since the last reset. */
  let isUsed = false;

  const failure = (error: unknown) => (signal.aborted ? abortError(signal) : vendor.translate(error));
  const reset = async () => {
    if (!isUsed) return;
    await answered(wire, (callback) => connection.reset((error) => callback(error ?? null, undefined)));
    await setUp(wire);
    isUsed = false;
  };
  /** Runs our own statements. */
  const alone = <Result>(work: () => Promise<Result>): Promise<Result> =>
    occupancy.during(async () => {
      try {
        await reset();
        return await work();
      } catch (error) {
        throw failure(error);
      }
    });

  const catalog = vendor.catalog(async (sql, values) => (await prepared(wire, sql, values)) as Row[]);
  const hooks = { types: vendor.types, failure, cancel, terminate, finished: rollBack };

  return {
    async ping() {
      await alone(() => answered(wire, (callback) => connection.ping((error) => callback(error, undefined))));
    },
    browse: (request) => alone(() => browseSql(catalog, request)),
    async read(request) {
      const statement = toStatement(request);
      occupancy.claim();
      try {
        await reset();
        isUsed = request.query !== undefined;
        await command(wire, 'start transaction read only');
        return await startRead(wire, statement, hooks);
      } catch (error) {
        const translated = failure(error);
        await rollBack();
        throw translated;
      }
    },
    close,
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
  return createSession({ wire, options, context, vendor });
}
