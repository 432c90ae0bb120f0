import type { Connection, SourceHarness } from '../../suite/harness.js';

interface Server {
  host: string;
  port: number;
  username: string;
  password: string;
  close(): Promise<void>;
}

// FILL IN: starts the real server on 127.0.0.1, with the data that `readable` names, as packages/lab/src/ssh.ts does.
async function startServer(): Promise<Server> {
  throw new Error('sources/new_source/harness.ts does not start a server yet.');
}

const closedPort = 9;

export const harness: SourceHarness = {
  // FILL IN: why, or show it in packages/lab/src/demo.
  notInDemo: 'It is new.',
  // FILL IN: an edit for each property of the definition: whether it is another destination.
  destinations: ({ here, there }) => ({
    definition: { host: here.host, port: here.port },
    credential: { username: 'somebody', password: 'canary-matrix' },
    edits: [
      { what: 'host', meaning: 'confirm', change: { host: 'localhost' } },
      { what: 'port', meaning: 'confirm', change: { port: there.port } },
    ],
  }),
  async start() {
    const { close, ...right } = await startServer();
    const connection = (name: string, change: object = {}): Connection => ({
      name,
      properties: { ...right, ...change },
    });
    return {
      good: [connection('password')],
      wrong: connection('wrong', { password: 'a-wrong-password-canary' }),
      unreachable: connection('unreachable', { port: closedPort }),
      refused: ({ awkward }) => [
        connection('wrong', { password: awkward('wrong') }),
        connection('closed', { port: closedPort, password: awkward('closed') }),
      ],
      // FILL IN: at least 5 rows and 2 columns, the first with different values.
      readable: { path: ['main', 'items'], rows: 5 },
      close,
    };
  },
};
