// A signed-in connection over `mysql2`.
import type { Context } from '../../interface/session.js';
import type { SystemCatalog } from '../sql/browse.js';
import { cancelledOnClose, type SqlConnection } from '../sql/connection.js';
import type { MySqlTypes } from './fields.js';
import { type PreparedRead, prepareRead } from './reads.js';
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
  product: string;
  catalog(run: RunStatement): SystemCatalog;
}

async function setUp(wire: Wire): Promise<void> {
  for (const statement of SESSION_SETUP) await command(wire, statement);
}

/** The driver's options, and how columns of this connection are read. */
export type MySqlConnect = MySqlOptions & { types: MySqlTypes };

/** Connects and signs in. */
export const connectMySql =
  ({ product, catalog }: MySqlVendor) =>
  async ({ types, ...options }: MySqlConnect, { network }: Context): Promise<SqlConnection> => {
    const wire = dial(network, options);
    await signedIn(wire);
    await setUp(wire);
    const { connection, socket } = wire;
    const { threadId } = connection;
    let running = 0;
    let reading: PreparedRead | undefined;
    const counted = async <Result>(work: Promise<Result>): Promise<Result> => {
      running += 1;
      try {
        return await work;
      } finally {
        running -= 1;
      }
    };
    const ours: RunStatement = async (text, values) => (await counted(prepared(wire, text, values))) as Row[];
    const cancel = async () => {
      if (running > 0 || reading?.isPending()) await kill(network, options, threadId);
    };
    return {
      catalog: catalog(ours),
      async findings() {
        const [who = []] = await ours('select current_user(), version()', []);
        return { server: { product, version: String(who[1]) }, account: String(who[0]) };
      },
      begin: () => counted(command(wire, 'start transaction read only')),
      rollBack() {
        // A late kill may hit the first statement after its target.
        const attempt = () => counted(command(wire, 'rollback'));
        return attempt().catch(attempt);
      },
      async reset() {
        await answered(wire, (callback) => connection.reset((error) => callback(error ?? null, undefined)));
        await setUp(wire);
      },
      async prepare(statement) {
        const read = await prepareRead(wire, statement, types);
        reading = read;
        return cancelledOnClose(read, cancel);
      },
      async describe(statement) {
        const { described, close } = await prepareRead(wire, statement, types);
        await close();
        return described();
      },
      cancel,
      end: () =>
        new Promise((resolve) => {
          // A server that has hung up already needs no goodbye.
          if (socket.destroyed) return resolve();
          socket.once('close', () => resolve());
          connection.end(() => undefined);
        }),
    };
  };
