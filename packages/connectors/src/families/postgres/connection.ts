// A signed-in connection over `pg`.
import type pg from 'pg';
import { ConnectorError } from '../../interface/errors.js';
import type { Context } from '../../interface/session.js';
import { type FrameGuard, statementBudget } from '../../kit/frame-guard.js';
import type { SystemCatalog } from '../sql/browse.js';
import { cancelledOnClose, type SqlConnection, type SqlParts } from '../sql/connection.js';
import type { PostgresTypes } from './fields.js';
import { type PreparedRead, prepareRead } from './reads.js';
import { isPreparedAsTyped, proveAsTyped } from './scram.js';
import { type CancelKey, createClient, dial, type PostgresOptions, requestCancel } from './wire.js';

/**
 * A transaction with the settings that the text form of values depends on, and without notices, which are never read.
 * The settings end with the transaction: behind a pooler, another client gets the connection a moment later, and
 * settings from before the transaction may be gone or belong to another client.
 */
const SETTINGS = `
  set local client_encoding = 'UTF8';
  set local client_min_messages = error;
  set local datestyle = 'ISO, YMD';
  set local intervalstyle = 'iso_8601';
  set local timezone = 'UTC';
  set local bytea_output = 'hex';
  set local extra_float_digits = 3`;

/** How a transaction begins that sees its own state, or that of another. Its settings come after the snapshot. */
function beginningOf(state: 'own' | { snapshot: string } | undefined): string {
  if (state === undefined) return `begin transaction read only;${SETTINGS}`;
  const shared = typeof state === 'object' ? `set transaction snapshot '${state.snapshot}';` : '';
  return `begin transaction isolation level repeatable read read only;${shared}${SETTINGS}`;
}

/**
 * Clears what a user's statement left behind in a reused session: locks, prepared statements (case X13). Behind a
 * pooler, sessions are never reused.
 */
const SESSION_RESET = 'discard all';

/** The server process that answers: behind a pooler another one than the process of the sign-in. */
const WHO = 'select current_user::text as account, pg_catalog.pg_backend_pid()::text as process';

/** Names of types, in the order of the ids and modifiers. */
const NAMES = `
  select pg_catalog.format_type(id, modifier) as name
  from unnest($1::pg_catalog.oid[], $2::int[]) with ordinality as field (id, modifier, place)
  order by place`;

/** Runs one of our own statements; values travel as parameters (case D12). */
export type RunStatement = <Result>(text: string, values: unknown[]) => Promise<Result[]>;

/** Begins a read-only transaction. */
type BeginRead = (state?: 'own' | { snapshot: string }) => Promise<unknown>;

/** Differences between vendors of this protocol. */
export interface PostgresVendor {
  /** @param run queries the system catalog within the transaction of the read */
  types(run: RunStatement): PostgresTypes;
  catalog(run: RunStatement): SystemCatalog;
  /** Absent: the vendor's tables have no blocks. */
  parts?(run: RunStatement, begin: BeginRead): SqlParts;
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

interface SignedIn {
  client: pg.Client;
  guard: FrameGuard;
  /** As the server reports it at the sign-in. */
  version: string | undefined;
}

/** One sign-in attempt. @param asTyped the password to prove without SASLprep @throws the driver's error */
async function signIn(options: PostgresOptions, { network }: Context, asTyped?: string): Promise<SignedIn> {
  const { client, guard } = createClient(options, dial(network, options));
  if (asTyped !== undefined) proveAsTyped(client, asTyped);
  let version: string | undefined;
  client.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
    if (parameterName === 'server_version') version = parameterValue;
  });
  // Failures reach the pending caller; without a listener, Node would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return { client, guard, version };
}

/** SQLSTATE class of a refused sign-in. */
const isRefused = (error: unknown): boolean =>
  error instanceof Error && String(Reflect.get(error, 'code')).startsWith('28');

/**
 * If SASLprep would change the password and the server rejects the result, the sign-in is tried once more with the
 * password as typed.
 */
async function signedIn(options: PostgresOptions, context: Context): Promise<SignedIn> {
  try {
    return await signIn(options, context);
  } catch (error) {
    const password = options.client.password();
    if (!isRefused(error) || isPreparedAsTyped(password)) throw error;
    return signIn(options, context, password);
  }
}

/** Connects and signs in. */
export const connectPostgres =
  ({ types: typesOf, catalog, parts }: PostgresVendor) =>
  async (options: PostgresOptions, context: Context): Promise<SqlConnection> => {
    const { client, guard, version } = await signedIn(options, context);
    let running = 0;
    let reading: PreparedRead | undefined;
    const cancel = async () => {
      if (running > 0 || reading?.isPending())
        await requestCancel(context.network, options, client as unknown as CancelKey);
    };
    const run = async (text: string, values?: unknown[]) => {
      guard.allow(statementBudget());
      running += 1;
      try {
        return await client.query(text, values);
      } finally {
        running -= 1;
      }
    };
    const ours: RunStatement = async (text, values) => rowsOf(await run(text, values));
    const types = typesOf(ours);
    const begin: BeginRead = (state) => run(beginningOf(state));
    return {
      catalog: catalog(ours),
      async findings() {
        const [who] = await ours<{ account: string; process: string }>(WHO, []);
        const { processID } = client as unknown as CancelKey;
        return {
          ...(version === undefined ? {} : { server: { product: 'PostgreSQL', version } }),
          ...(who ? { account: who.account } : {}),
          pooler: processID !== null && who !== undefined && String(processID) !== who.process,
        };
      },
      begin: () => begin(),
      ...(parts ? { parts: parts(ours, begin) } : {}),
      rollBack: () => run('rollback'),
      reset: () => run(SESSION_RESET),
      async prepare(statement) {
        const read = await prepareRead({ client, guard }, statement, types);
        reading = read;
        return cancelledOnClose(read, cancel);
      },
      async describe(statement) {
        const { columns, fields, close } = await prepareRead({ client, guard }, statement, types);
        await close();
        const named = fields.map(({ dataTypeID, dataTypeModifier }) => [dataTypeID, dataTypeModifier]);
        const names = await ours<{ name: string }>(NAMES, [
          named.map(([id]) => id),
          named.map(([, modifier]) => modifier),
        ]);
        return columns.map((column, position) => ({ ...column, native: names[position]?.name ?? 'unknown' }));
      },
      cancel,
      end: () => client.end(),
    };
  };
