import type { Connection, SourceHarness } from '../../suite/harness.js';

interface Server {
  url: string;
  token: string;
  close(): Promise<void>;
}

// FILL IN: starts the real server, or a stand-in for it in packages/lab, with the data that `readable` names.
async function startServer(): Promise<Server> {
  throw new Error('sources/new_source/harness.ts does not start a server yet.');
}

const closed = 'http://127.0.0.1:9/v1';

export const harness: SourceHarness = {
  // FILL IN: why, or show it in packages/lab/src/demo.
  notInDemo: 'It is new.',
  // FILL IN: an edit for each property of the definition: whether it is another destination.
  destinations: ({ here, there }) => ({
    definition: { url: `${here.url}/v1` },
    credential: { token: 'canary-matrix' },
    edits: [
      { what: 'host', meaning: 'confirm', change: { url: `http://localhost:${here.port}/v1` } },
      { what: 'port', meaning: 'confirm', change: { url: `${there.url}/v1` } },
      { what: 'path', meaning: 'confirm', change: { url: `${here.url}/other` } },
      { what: 'not http', meaning: 'refuse', change: { url: 'file:///etc/passwd' } },
    ],
  }),
  async start() {
    const { url, token, close } = await startServer();
    const connection = (name: string, change: object = {}): Connection => ({
      name,
      properties: { url, token, ...change },
    });
    return {
      good: [connection('token')],
      wrong: connection('wrong', { token: 'a-wrong-token-canary' }),
      unreachable: connection('unreachable', { url: closed }),
      refused: ({ plain }) => [
        connection('wrong', { token: plain('wrong') }),
        connection('closed', { url: closed, token: plain('closed') }),
      ],
      // FILL IN: at least 5 rows and 2 columns, the first with different values.
      readable: { path: ['items'], rows: 5 },
      close,
    };
  },
};
