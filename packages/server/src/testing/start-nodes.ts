import { inject } from 'vitest';
import { newHex } from '../core/crypto/random.js';
import { type FreshDatabase, freshDatabase } from './shared-database.js';
import { startServer, type TestServer, type TestServerOptions } from './start-server.js';

/** Several servers on one PostgreSQL database and one key. */
export interface TestNodes {
  nodes: readonly TestServer[];
  database: FreshDatabase;
  close(): Promise<void>;
}

export interface TestNodesOptions extends TestServerOptions {
  count: number;
  /** Maps the database URL to the one that nodes use, for relays in between. */
  via?: (url: string) => string;
  /**
   * The database has no tables, so that the nodes create them; otherwise it has the tables of this version and no
   * rows.
   */
  onEmpty?: boolean;
}

/** All nodes start at once. */
export async function startNodes({
  count,
  via,
  onEmpty = false,
  ...options
}: TestNodesOptions): Promise<TestNodes> {
  const server = inject('databaseServer');
  if (!server) throw new Error('these tests belong to the project "PostgreSQL store"');
  const database = await freshDatabase(server, { withTables: !onEmpty });
  const environment = {
    MOORING_MASTER_KEY: Buffer.from(newHex(32), 'hex').toString('base64'),
    ...options.environment,
    MOORING_DATABASE_URL: via ? via(database.url) : database.url,
  };
  const nodes = await Promise.all(
    Array.from({ length: count }, () => startServer({ ...options, environment, database: 'given' })),
  );
  return {
    nodes,
    database,
    async close() {
      for (const node of nodes) await node.close();
      await database.drop();
    },
  };
}
