import type { Connection, SourceHarness } from './harness.js';
import { startToyServer, toyPassword, toyPeople, toyToken, toyUser } from './toy-server.js';

export const toyHarness: SourceHarness = {
  destinations: ({ here, there }) => ({
    definition: { host: here.host, port: here.port },
    credential: { username: toyUser, password: 'canary-matrix' },
    edits: [
      { what: 'host', meaning: 'confirm', change: { host: 'localhost' } },
      { what: 'port', meaning: 'confirm', change: { port: there.port } },
      { what: 'auth type', meaning: 'keep', change: { authentication: 'password' } },
    ],
    logins: { token: { authentication: 'token', token: 'canary-matrix' } },
  }),
  async start() {
    const server = await startToyServer({ items: toyPeople(20), others: toyPeople(3) });
    const connection = (name: string, change: object = {}): Connection => ({
      name,
      properties: {
        ...{ host: server.host, port: server.port, username: toyUser, password: toyPassword },
        ...change,
      },
    });
    return {
      good: [
        connection('right'),
        {
          name: 'token',
          properties: { host: server.host, port: server.port, authentication: 'token', token: toyToken },
        },
      ],
      wrong: connection('wrong', { password: 'wrong-toy-password' }),
      unreachable: connection('unreachable', { port: 9 }),
      refused: ({ awkward }) => [connection('wrong', { password: awkward('wrong') })],
      readable: { path: ['main', 'items'], rows: 20 },
      query: 'table items',
      parameterised: [
        {
          query: 'table others {id}',
          parameters: { id: 1 },
          rows: [server.tables['others']?.rows[1] ?? []],
        },
      ],
      write: { query: 'delete items', isWritten: async () => server.tables['items']?.rows.length !== 20 },
      residue: { leave: 'set colour blue', look: 'show colour' },
      file: { header: false },
      async grow() {
        const { rows = [] } = server.tables['items'] ?? {};
        const added = toyPeople(25).rows.slice(rows.length);
        rows.push(...added);
        return { rows: added, undo: async () => void rows.splice(-added.length) };
      },
      slow: { read: { query: 'sleep' }, isRunning: async () => server.running() > 0 },
      close: () => server.close(),
    };
  },
};
