import { sqlHarness } from '../../families/sql/sql-harness.js';
import type { TellingServer } from '../../suite/telling-servers.js';

interface Server {
  host: string;
  port: number;
  database: string;
  /** PEM. */
  ca: string;
  user: string;
  password: string;
  close(): Promise<void>;
}

// FILL IN: starts the real server on 127.0.0.1, with tables and logins, as packages/lab/src/mariadb.ts does.
async function startServer(): Promise<Server> {
  throw new Error('sources/new_source/harness.ts does not start a server yet.');
}

// FILL IN: listens as the server does, and answers every login with an error that repeats the password.
async function startTelling(): Promise<TellingServer> {
  throw new Error('sources/new_source/harness.ts has no startTelling yet.');
}

export const harness = sqlHarness<Server>({
  // FILL IN: why, or show it in packages/lab/src/demo.
  notInDemo: 'It is new.',
  database: 'database',
  startLab: startServer,
  login: ({ user, password }) => ({ user, password }),
  startTelling,
  // FILL IN: proofs of what `abilities` claims; suite/harness.ts describes each.
  proofs: () => ({
    readable: { path: ['sales', 'orders'], rows: 5 },
    query: 'select 1 as one',
    write: { query: 'insert into sales.orders values (1)', isWritten: async () => false },
    residue: { leave: 'set a = 1', look: 'select a' },
    slow: { read: { query: 'select sleep(120)' }, isRunning: async () => false },
    types: [],
  }),
});
