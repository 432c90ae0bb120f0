import type { Socket } from 'node:net';
import pg from 'pg';
import { abortError, settledWithin, throwIfAborted } from '../../kit/deadline.js';
import { type FrameGuard, statementBudget } from '../../kit/frame-guard.js';
import type { ReadRequest, Session, SessionContext } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import { browseSql, type SystemCatalog, tableOf } from '../sql/browse.js';
import { createOccupancy, type Occupancy } from '../sql/occupancy.js';
import type { PostgresTypes } from './fields.js';
import { type StatementRead, startRead } from './reads.js';
import { isPreparedAsTyped, proveAsTyped } from './scram.js';
import {
  type CancelKey,
  createClient,
  dial,
  GOODBYE_MS,
  type PostgresOptions,
  requestCancel,
} from './wire.js';

/**
 * A transaction with the settings that the text form of values depends on, and without notices, which are never read.
 * The settings end with the transaction: behind a pooler, another client gets the connection a moment later, and
 * settings from before the transaction may be gone or belong to another client.
 */
const BEGIN_READ = `
  begin transaction read only;
  set local client_encoding = 'UTF8';
  set local client_min_messages = error;
  set local datestyle = 'ISO, YMD';
  set local intervalstyle = 'iso_8601';
  set local timezone = 'UTC';
  set local bytea_output = 'hex';
  set local extra_float_digits = 3`;

/**
 * Clears what a user's statement left behind in a reused session: locks, prepared statements (case X13). Behind a
 * pooler, sessions are never reused.
 */
const SESSION_RESET = 'discard all';

/** Runs one of our own statements; values travel as parameters (case D12). */
export type RunStatement = <Result>(text: string, values: unknown[]) => Promise<Result[]>;

/** Differences between vendors of this protocol. */
export interface PostgresVendor {
  /** @param run queries the system catalog within the transaction of the read */
  types(run: RunStatement): PostgresTypes;
  catalog(run: RunStatement): SystemCatalog;
  translate(error: unknown): ConnectorError;
}

function toStatement(request: ReadRequest): StatementRead {
  const { path, query, columns, limit, batchRows, asText = [] } = request;
  const common = { batchRows, asText, ...(limit === undefined ? {} : { limit }) };
  if (query !== undefined)
    return { ...common, text: query, values: [], ...(columns ? { pick: columns } : {}) };
  const [schema, table] = tableOf(path ?? []);
  const list = columns?.map((name) => pg.escapeIdentifier(name)).join(', ') ?? '*';
  const from = `select ${list} from ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
  return limit === undefined
    ? { ...common, text: from, values: [] }
    : { ...common, text: `${from} limit $1`, values: [limit] };
}

interface Opened {
  vendor: PostgresVendor;
  client: pg.Client;
  guard: FrameGuard;
  socket: Socket;
  options: PostgresOptions;
  context: SessionContext;
}

/**
 * @throws ConnectorError when one of our row statements gets another response: an empty result would look like no rows
 */
function rowsOf<Row>({ command, rows }: pg.QueryResult & { rows: Row[] }): Row[] {
  if (command === 'SELECT') return rows;
  throw new ConnectorError('protocol_error', 'The server returned something other than the requested rows.', {
    remedy: 'Check that host and port point to the database server.',
  });
}

/** Runs one of our statements. */
type Run = (text: string, values?: unknown[]) => Promise<pg.QueryResult>;

/** Cancels, ends and closes the connection of a session. */
function createControl({ client, socket, options, context }: Opened, occupancy: Occupancy, run: Run) {
  const { network, signal } = context;
  let cancelling: Promise<void> = Promise.resolve();
  const gone = new Promise((resolve) => socket.once('close', resolve));

  const cancel = () => {
    cancelling = requestCancel(network, options, client as unknown as CancelKey);
    return cancelling;
  };
  const terminate = () => {
    if (occupancy.isBusy()) void cancel();
    occupancy.end();
    client.connection.stream.destroy();
    socket.destroy();
  };
  signal.addEventListener('abort', terminate, { once: true });

  const rollBack = async () => {
    if (!occupancy.isBusy()) return;
    await settledWithin(run('rollback').then(occupancy.release, terminate), GOODBYE_MS);
    // A server that does not respond gets no further statements.
    if (occupancy.isBusy()) terminate();
  };
  const close = async () => {
    signal.removeEventListener('abort', terminate);
    if (occupancy.isBusy()) terminate();
    if (occupancy.isIdle()) {
      occupancy.end();
      await settledWithin(client.end(), GOODBYE_MS);
      socket.destroy();
    }
    await Promise.all([gone, cancelling]);
  };
  return { cancel, terminate, rollBack, close };
}

function createSession(opened: Opened): Session {
  const { client, guard, context, vendor } = opened;
  const { signal } = context;
  const occupancy = createOccupancy(signal);
  const run: Run = (text, values) => {
    guard.allow(statementBudget());
    return client.query(text, values);
  };
  const { cancel, terminate, rollBack, close } = createControl(opened, occupancy, run);
  /** A user's statement has run since the last reset. */
  let isUsed = false;

  const failure = (error: unknown) => (signal.aborted ? abortError(signal) : vendor.translate(error));
  const reset = async () => {
    if (!isUsed) return;
    await run(SESSION_RESET);
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

  const ours: RunStatement = async (text, values) => rowsOf(await run(text, values));
  const catalog = vendor.catalog(ours);
  const hooks = { types: vendor.types(ours), failure, cancel, terminate, finished: rollBack };

  return {
    async ping() {
      await alone(() => ours('select 1', []));
    },
    browse: (request) => alone(() => browseSql(catalog, request)),
    async read(request) {
      const statement = toStatement(request);
      occupancy.claim();
      try {
        await reset();
        isUsed = request.query !== undefined;
        await run(BEGIN_READ);
        guard.allow(statementBudget());
        return await startRead({ client, guard }, statement, hooks);
      } catch (error) {
        const translated = failure(error);
        await rollBack();
        throw translated;
      }
    },
    close,
  };
}

/** One sign-in attempt. @param asTyped the password to prove without SASLprep @throws the driver's error */
async function signIn(options: PostgresOptions, { signal, network }: SessionContext, asTyped?: string) {
  throwIfAborted(signal);
  const socket = dial(network, options);
  const { client, guard } = createClient(options, socket);
  if (asTyped !== undefined) proveAsTyped(client, asTyped);
  const abandon = () => {
    client.connection.stream.destroy();
    socket.destroy();
  };
  // Failures reach the pending caller; without a listener, Node would end the process.
  client.on('error', () => undefined);
  signal.addEventListener('abort', abandon, { once: true });
  try {
    await client.connect();
    throwIfAborted(signal);
    return { client, guard, socket };
  } catch (error) {
    abandon();
    throw error;
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

/**
 * Connects and signs in. If SASLprep would change the password and the server rejects the result, the sign-in is tried
 * once more with the password as typed.
 * @throws ConnectorError; nothing is left open then
 */
export async function openPostgres(
  options: PostgresOptions,
  context: SessionContext,
  vendor: PostgresVendor,
): Promise<Session> {
  const { signal } = context;
  const translated = (error: unknown) => (signal.aborted ? abortError(signal) : vendor.translate(error));
  try {
    return createSession({ ...(await signIn(options, context)), options, context, vendor });
  } catch (error) {
    const failure = translated(error);
    const password = options.client.password();
    if (failure.kind !== 'auth_failed' || isPreparedAsTyped(password)) throw failure;
    const signedIn = await signIn(options, context, password).catch((second: unknown) => {
      throw translated(second);
    });
    return createSession({ ...signedIn, options, context, vendor });
  }
}
