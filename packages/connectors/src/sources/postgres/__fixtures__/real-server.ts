import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
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

export const realServer = () => realSource(source, () => startPostgres({ rowsInBig: 20_000 }), inputFor);
