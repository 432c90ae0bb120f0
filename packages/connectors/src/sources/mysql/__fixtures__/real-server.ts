import { type LabMariaDb, type MariaDbLogin, startMariaDb } from '@mooring/lab/mariadb';
import { hideAll } from '../../../kit/secret-fields.js';
import type { TestInput } from '../../../suite/bench.js';
import { realSource } from '../../../suite/real-source.js';
import { source } from '../source.js';

interface Change {
  properties?: object;
  fields?: object;
  login?: MariaDbLogin;
}

export const inputFor = (lab: LabMariaDb, change: Change = {}): TestInput => {
  const login = change.login ?? lab.admin;
  return {
    properties: {
      host: lab.host,
      port: lab.port,
      database: lab.database,
      sslmode: 'verify-full',
      rootCertificates: [{ name: 'ca.pem', value: lab.ca }],
      ...change.properties,
    },
    login: {
      signIn: 'password',
      fields: hideAll({ username: login.user, password: login.password, ...change.fields }),
    },
  };
};

export const realServer = () => realSource(source, startMariaDb, inputFor);
