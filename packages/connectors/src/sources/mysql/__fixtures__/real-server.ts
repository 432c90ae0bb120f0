import { type LabMariaDb, type MariaDbLogin, startMariaDb } from '@mooring/lab/mariadb';
import mysql from 'mysql2/promise';
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

export async function asAdmin({ host, port, admin }: LabMariaDb, ...statements: string[]): Promise<void> {
  const connection = await mysql.createConnection({ host, port, ...admin });
  for (const statement of statements) await connection.query(statement);
  await connection.end();
}

export async function isRunning(lab: LabMariaDb, marker: string): Promise<boolean> {
  const { host, port, admin } = lab;
  const connection = await mysql.createConnection({ host, port, ...admin });
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      `select 1 from information_schema.processlist where id <> connection_id() and command in ('Execute', 'Query') and info like ?`,
      [`%${marker}%`],
    );
    return rows.length > 0;
  } finally {
    await connection.end();
  }
}

export const realServer = () => realSource(source, startMariaDb, inputFor);
