import { setImmediate } from 'node:timers/promises';
import { type LabClickHouse, startClickHouse } from '@mooring/lab/clickhouse';
import {
  certificateEdit,
  certificateLogins,
  refusedWithCertificate,
} from '../../families/sql/sql-harness.js';
import type { Connection, SourceHarness, StartedSource } from '../../suite/harness.js';
import { startTellingHttp } from '../../suite/telling-servers.js';
import { typeColumns, typeRows } from './__fixtures__/all-types.js';

const proofsOf = (lab: LabClickHouse) => ({
  readable: { path: ['sales', 'all_orders'], rows: 8 },
  query: 'select 1 as one, null as nothing',
  parameterised: [
    {
      query:
        'select id, owner from sales.all_orders where owner = {owner:String} and id > {least:UInt8} order by id',
      parameters: { owner: 'bob', least: 3 },
      rows: [
        [5, 'bob'],
        [7, 'bob'],
      ],
    },
  ],
  write: {
    query: "insert into sales.empty values (1, 'written by a read')",
    isWritten: async () => lab.statements.some(({ sql }) => /^\s*insert/i.test(sql)),
  },
  // Each request is a session of its own unless it names one.
  residue: {
    keepsSessions: async () => lab.statements.some(({ settings }) => 'session_id' in settings),
  },
  slow: {
    read: { query: 'select sleep(3) as slow_contract_work from numbers(4000000)' },
    async isRunning() {
      // The server runs in this process.
      await setImmediate();
      return lab.running().some((sql) => sql.startsWith('SELECT') && sql.includes('slow_contract_work'));
    },
  },
  types: [
    {
      title: 'all types',
      read: { query: 'select * from sales.all_types order by id' },
      columns: typeColumns,
      rows: typeRows,
    },
  ],
});

async function on(lab: LabClickHouse): Promise<StartedSource> {
  const telling = await startTellingHttp();
  const { user, password } = lab.admin;
  const connection = (name: string, change: object = {}): Connection => ({
    name,
    properties: {
      ...{ host: lab.host, port: lab.port, database: 'sales' },
      rootCertificates: [{ name: 'ca.pem', value: lab.ca }],
      ...{ username: user, password, ...change },
    },
  });
  const plain = { secure: false, rootCertificates: undefined };
  return {
    ...proofsOf(lab),
    good: [connection('right'), connection('without TLS', { ...plain, port: lab.plainPort })],
    wrong: connection('wrong', { password: 'a-wrong-password-canary' }),
    unreachable: connection('unreachable', { port: 9 }),
    refused: (fresh) => [
      connection('wrong', { password: fresh.awkward('wrong') }),
      connection('wrong with a certificate', refusedWithCertificate(fresh)),
      connection('telling', { ...plain, port: telling.port, password: fresh.awkward('telling') }),
      connection('closed', { port: 9, password: fresh.awkward('closed') }),
    ],
    close: () => telling.close(),
  };
}

/** `on` uses a server that is running already. */
export const harness: SourceHarness & { on: typeof on } = {
  on,
  notInDemo: 'Its server is not in npm, and the stand-in answers recorded statements only.',
  destinations: ({ here, there, certificate }) => ({
    definition: { host: here.host, port: here.port, database: 'one' },
    credential: { username: 'somebody', password: 'canary-matrix' },
    edits: [
      { what: 'host', meaning: 'confirm', change: { host: 'localhost' } },
      { what: 'port', meaning: 'confirm', change: { port: there.port } },
      { what: 'TLS lowered', meaning: 'confirm', change: { secure: false } },
      {
        what: 'CA replaced',
        meaning: 'confirm',
        change: { rootCertificates: [{ name: 'ca.pem', value: certificate }] },
      },
      certificateEdit,
      { what: 'database', meaning: 'keep', change: { database: 'two' } },
    ],
    logins: certificateLogins,
  }),
  async start() {
    const lab = await startClickHouse();
    const started = await on(lab);
    return {
      ...started,
      async close() {
        await started.close();
        await lab.close();
      },
    };
  },
};
