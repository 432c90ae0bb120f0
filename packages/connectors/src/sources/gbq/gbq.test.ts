import { setImmediate as nextTurn } from 'node:timers/promises';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { findFreePort } from '@mooring/lab/free-port';
import { describe, expect, it, onTestFinished } from 'vitest';
import { JsonText } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { Secret } from '../../interface/secret.js';
import { allBatches, failureOf } from '../../suite/bench.js';
import { describeConnector } from '../../suite/describe-connector.js';
import { source } from './source.js';

import { inputOf, open, otherKeys } from './test-stand.js';

const labColumns = [
  { name: 'c_string', type: 'string' },
  { name: 'c_bytes', type: 'bytes' },
  { name: 'c_integer', type: 'bigint' },
  { name: 'c_float', type: 'float' },
  { name: 'c_numeric', type: 'decimal' },
  { name: 'c_bignumeric', type: 'decimal' },
  { name: 'c_boolean', type: 'boolean' },
  { name: 'c_timestamp', type: 'timestamp' },
  { name: 'c_date', type: 'date' },
  { name: 'c_time', type: 'time' },
  { name: 'c_datetime', type: 'datetime' },
  { name: 'c_geography', type: 'string' },
  { name: 'c_json', type: 'json' },
  { name: 'c_array', type: 'json' },
  { name: 'c_record', type: 'json' },
] as const;
const labRows = [
  [
    'grinning 😀 "quoted", comma',
    '3q2+7wD/',
    '9223372036854775807',
    Math.E,
    '99999999999999999999999999999.999999999',
    '-0.00000000000000000000000000000000000001',
    true,
    '2024-02-29T12:34:56.789012Z',
    '2024-02-29',
    '23:59:59.999999',
    '2024-02-29T12:34:56.789012',
    'POINT(12.5 55.7)',
    { a: [1, null, 'x'] },
    ['1', '2', '3'],
    { inner: 'deep', at: '9999-12-31T23:59:59.999999Z', tags: ['x', 'y'] },
  ],
  [
    ...['', '', '-9223372036854775808', 'NaN', '-0.000000001', '0', false, '0001-01-01T00:00:00Z'],
    ...['9999-12-31', '00:00:00', '0001-01-01T00:00:00', 'POINT EMPTY', new JsonText('null', true)],
    [],
    { inner: null, at: null, tags: [] },
  ],
  [...Array.from({ length: 13 }, () => null), [], null],
];

const startLab = (rowsInBig: number) =>
  startBigQuery({
    rowsInBig,
    verifyAccessToken: async (token) =>
      token.startsWith('token-') ? { active: true, sub: token.slice('token-'.length) } : { active: false },
  });

const labSettings = (lab: LabBigQuery) => ({ apiEndpoint: lab.url, tokenEndpoint: `${lab.url}/token` });
const labKey = (lab: LabBigQuery, changes: object = {}) => ({
  KeyFilePath: [{ name: 'key.json', value: JSON.stringify({ ...lab.serviceAccountKey, ...changes }) }],
});

describeConnector(source, {
  unsupported: [],
  async start() {
    const lab = await startLab(25);
    const table = (name: string) => `\`${lab.projectId}\`.\`sales\`.\`${name}\``;
    const isRunning = async () => {
      await nextTurn();
      return lab.jobs().some(({ id, state }) => id.startsWith('mooring_') && state === 'RUNNING');
    };
    // The host comes from the operator's settings, so what an input can fail to reach is its own sign-in.
    const accessToken = async () => {
      throw new ConnectorError('unreachable', 'The authorization server could not be reached.');
    };
    return {
      good: inputOf(labKey(lab)),
      wrongPassword: inputOf(labKey(lab, { private_key: otherKeys.privateKey })),
      unreachable: inputOf({ OAuthMechanism: '1', Catalog: lab.projectId }, { accessToken }),
      settings: labSettings(lab),
      readablePath: ['sales', 'big'],
      readableRows: 25,
      query: `SELECT id, name FROM ${table('big')} LIMIT 3`,
      slow: { read: { query: `SELECT * FROM ${table('endless')}` }, isRunning },
      types: [
        { title: 'table', read: { path: ['sales', 'all_types'] }, columns: labColumns, rows: labRows },
        {
          title: 'query',
          read: { query: `SELECT * FROM ${table('all_types')}` },
          columns: labColumns,
          rows: labRows,
        },
      ],
      close: () => lab.close(),
    };
  },
});

describe('gbq on the lab', () => {
  it('X14: gives each user the rows of their own sign-in', async () => {
    const lab = await startLab(1);
    onTestFinished(() => lab.close());
    const ownersOf = async (user: string) => {
      const given = { OAuthMechanism: '1', Catalog: lab.projectId };
      const input = inputOf(given, { accessToken: async () => new Secret(`token-${user}`) });
      const { session } = await open({ settings: labSettings(lab) }, input);
      const stream = await session.read({
        path: ['sales', 'order_view'],
        columns: ['owner'],
        batchRows: 2,
      });
      return (await allBatches(stream)).flat().flat();
    };
    const users = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 'alice' : 'bob'));
    const answers = await Promise.all(users.map(ownersOf));
    for (const [index, owners] of answers.entries()) {
      const user = users[index] ?? '';
      expect(owners).toEqual(Array.from({ length: user === 'alice' ? 5 : 3 }, () => user));
    }
  });

  it('answers unreachable when nothing listens at the endpoints', async () => {
    const dead = `http://127.0.0.1:${await findFreePort()}`;
    const user = inputOf(
      { OAuthMechanism: '1', Catalog: 'p' },
      { accessToken: async () => new Secret('token-alice') },
    );
    const { session } = await open({ settings: { apiEndpoint: dead } }, user);
    expect((await failureOf(session.ping())).kind).toBe('unreachable');
    const error = await failureOf(open({ settings: { apiEndpoint: dead, tokenEndpoint: `${dead}/token` } }));
    expect(error.kind).toBe('unreachable');
  });
});
