import { setImmediate as nextTurn } from 'node:timers/promises';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { createServiceAccount } from '@mooring/lab/bigquery/service-account';
import { privateKeyFile } from '@mooring/lab/client-certificate-file';
import type { CannedAnswer } from '@mooring/lab/loopback-http';
import { ConnectorError } from '../../interface/errors.js';
import type { Values } from '../../interface/login.js';
import type {
  Connection,
  Destinations,
  Places,
  SourceHarness,
  StartedSource,
  Surroundings,
} from '../../suite/harness.js';
import { typeColumns, typeRows } from './__fixtures__/all-types.js';

const rowsInBig = 25;
/** Nothing listens there. */
const closed = 'http://127.0.0.1:9';

const keyFile = (key: object) => [{ name: 'key.json', value: JSON.stringify(key) }];

function destinations({ here, there, certificate }: Places): Destinations {
  const { key } = createServiceAccount(here.url, 'project-one');
  const rootCertificates = [{ name: 'ca.pem', value: certificate }];
  return {
    definition: { OAuthMechanism: '0', Catalog: 'project-one' },
    credential: { KeyFilePath: keyFile(key), Email: key.client_email, P12CustomPwd: 'notasecret' },
    settings: { apiEndpoint: here.url, tokenEndpoint: `${here.url}/token` },
    edits: [
      { what: 'auth type', meaning: 'confirm', change: { OAuthMechanism: '1' }, again: 'made elsewhere' },
      {
        what: 'project, region and cost',
        meaning: 'keep',
        change: { Catalog: 'project-two', Location: 'EU', maximumBytesBilled: 1_000 },
      },
      { what: 'host', meaning: 'refuse', change: { host: 'localhost' } },
      { what: 'port', meaning: 'refuse', change: { port: 1 } },
      { what: 'token URL', meaning: 'refuse', change: { tokenUrl: there.url } },
      { what: 'CA replaced', meaning: 'refuse', change: { rootCertificates } },
    ],
    logins: { 'google-oauth': { OAuthMechanism: '1', Catalog: 'project-one' } },
  };
}

function proofs(lab: LabBigQuery): Omit<StartedSource, 'good' | 'unreachable' | 'refused' | 'close'> {
  const table = (name: string) => `\`${lab.projectId}\`.\`sales\`.\`${name}\``;
  return {
    settings: { apiEndpoint: lab.url, tokenEndpoint: `${lab.url}/token` },
    readable: { path: ['sales', 'big'], rows: rowsInBig },
    query: `SELECT id, name FROM ${table('big')} LIMIT 3`,
    parameterised: [
      {
        query: 'SELECT @name AS name, @count AS count',
        parameters: { name: "O'Neill", count: 7 },
        rows: [["O'Neill", '7']],
      },
      {
        query: 'SELECT ? AS name, ? AS count',
        parameters: ["O'Neill", 7],
        rows: [["O'Neill", '7']],
      },
    ],
    write: {
      query: `INSERT INTO ${table('orders')} VALUES (1)`,
      isWritten: async () => lab.jobs().some(({ query }) => query.startsWith('INSERT')),
    },
    slow: {
      read: { query: `SELECT * FROM ${table('endless')}` },
      async isRunning() {
        await nextTurn();
        return lab.jobs().some(({ id, state }) => id.startsWith('mooring_') && state === 'RUNNING');
      },
    },
    types: [
      {
        title: 'table',
        read: { path: ['sales', 'all_types'] },
        columns: typeColumns,
        rows: typeRows,
      },
      {
        title: 'query',
        read: { query: `SELECT * FROM ${table('all_types')}` },
        columns: typeColumns,
        rows: typeRows,
      },
    ],
  };
}

/** Answers to calls of projects named `telling-<status>`: a line of the key, in every part of an error. */
function tell(path: string, key: string): CannedAnswer | undefined {
  const [, status] = /\/projects\/telling-(\d{3})\//.exec(path) ?? [];
  const [, line = ''] = key.split('\n');
  const error = { code: Number(status), message: line, errors: [{ reason: line, message: line }] };
  return status === undefined ? undefined : { status: Number(status), body: JSON.stringify({ error }) };
}

async function start({ provider }: Surroundings = {}): Promise<StartedSource> {
  const verifyAccessToken = provider?.server.verifyAccessToken ?? (async () => ({ active: false }));
  const lab = await startBigQuery({ rowsInBig, verifyAccessToken });
  const { serviceAccountKey: key, projectId: Catalog } = lab;
  lab.switches.answerFor = (path) => tell(path, key.private_key);
  const other = createServiceAccount(lab.url, lab.projectId).key;
  const p12 = (password: string) => [{ name: 'key.p12', value: privateKeyFile(key.private_key, password) }];
  const connection = (name: string, properties: Values): Connection => ({ name, properties });
  return {
    ...proofs(lab),
    good: [
      connection('JSON key', { KeyFilePath: keyFile(key) }),
      connection('P12 key', { Catalog, KeyFilePath: p12('notasecret'), Email: key.client_email }),
    ],
    wrong: connection('a key that Google does not know', {
      KeyFilePath: keyFile({ ...key, private_key: other.private_key }),
    }),
    // The host comes from the settings, so what a connection itself can fail to reach is its own sign-in.
    unreachable: {
      ...connection('unreachable', { OAuthMechanism: '1', Catalog }),
      settings: { apiEndpoint: closed, tokenEndpoint: `${closed}/token` },
      token: async () => {
        throw new ConnectorError('unreachable', 'The authorization server could not be reached.');
      },
    },
    refused: ({ awkward }) => [
      connection('P12 key of another password', {
        ...{ Catalog, KeyFilePath: p12('another'), Email: key.client_email },
        P12CustomPwd: awkward('password'),
      }),
      connection('a key that Google does not know', {
        KeyFilePath: keyFile({ ...key, private_key: other.private_key }),
      }),
      connection('a key of another account', { KeyFilePath: keyFile(key), Email: 'someone@else.example' }),
      // 501: the others of its kind are tried again, and again.
      ...[400, 403, 404, 501].map((status) =>
        connection(`telling ${status}`, { Catalog: `telling-${status}`, KeyFilePath: keyFile(key) }),
      ),
    ],
    bySignIn: [connection('sign-in', { OAuthMechanism: '1', Catalog })],
    close: () => lab.close(),
  };
}

export const harness: SourceHarness = { destinations, start };
