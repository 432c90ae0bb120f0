import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import pg from 'pg';
import { hideAll } from '../../../kit/secret-fields.js';
import type { TestInput } from '../../../suite/bench.js';
import { realSource } from '../../../suite/real-source.js';
import { source } from '../source.js';

interface Change {
  properties?: object;
  fields?: object;
}

export const inputFor = (lab: LabPostgres, change: Change = {}): TestInput => ({
  properties: {
    host: lab.host,
    port: lab.port,
    db: lab.database,
    sslmode: 'verify-full',
    rootCertificates: [{ name: 'ca.pem', value: lab.ca }],
    ...change.properties,
  },
  login: {
    signIn: 'password',
    fields: hideAll({
      username: lab.roles.reader.user,
      password: lab.roles.reader.password,
      ...change.fields,
    }),
  },
});

export async function withAdmin<Result>(lab: LabPostgres, work: (client: pg.Client) => Promise<Result>) {
  const { host, port, database, admin } = lab;
  const client = new pg.Client({ host, port, database, ...admin });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export const isRunning = (lab: LabPostgres, marker: string) =>
  withAdmin(lab, async (client) => {
    const found = await client.query(
      `select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like $1`,
      [`%${marker}%`],
    );
    return found.rows.length > 0;
  });

export const realServer = () => realSource(source, () => startPostgres({ rowsInBig: 20_000 }), inputFor);
