import type { Socket } from 'node:net';
import pg from 'pg';
import type { Session, SessionContext } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { abortError, throwIfAborted } from '../../kit/deadline.js';
import { type FrameGuard, statementBudget } from '../../kit/frame-guard.js';
import type { SystemCatalog } from '../sql/browse.js';
import { createSqlSession, type SqlConnection, statementOf } from '../sql/session.js';
import type { PostgresTypes } from './fields.js';
import { startRead } from './reads.js';
import { isPreparedAsTyped, proveAsTyped } from './scram.js';
import { type CancelKey, createClient, dial, type PostgresOptions, requestCancel } from './wire.js';

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

function connectionOf({ client, guard, socket, options, context, vendor }: Opened): SqlConnection {
  const run = (text: string, values?: unknown[]) => {
    guard.allow(statementBudget());
    return client.query(text, values);
  };
  const ours: RunStatement = async (text, values) => rowsOf(await run(text, values));
  const types = vendor.types(ours);
  return {
    socket,
    catalog: vendor.catalog(ours),
    translate: vendor.translate,
    async ping() {
      await ours('select 1', []);
    },
    reset: () => run(SESSION_RESET),
    readOf(request) {
      const statement = statementOf(request, pg.escapeIdentifier);
      return async (hooks) => {
        await run(BEGIN_READ);
        guard.allow(statementBudget());
        return startRead({ client, guard }, statement, { ...hooks, types });
      };
    },
    rollBack: () => run('rollback'),
    cancel: () => requestCancel(context.network, options, client as unknown as CancelKey),
    sayGoodbye: () => void client.end().catch(() => undefined),
    destroy() {
      client.connection.stream.destroy();
      socket.destroy();
    },
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
    const signedIn = await signIn(options, context);
    return createSqlSession(connectionOf({ ...signedIn, options, context, vendor }), signal);
  } catch (error) {
    const failure = translated(error);
    const password = options.client.password();
    if (failure.kind !== 'auth_failed' || isPreparedAsTyped(password)) throw failure;
    const signedIn = await signIn(options, context, password).catch((second: unknown) => {
      throw translated(second);
    });
    return createSqlSession(connectionOf({ ...signedIn, options, context, vendor }), signal);
  }
}
