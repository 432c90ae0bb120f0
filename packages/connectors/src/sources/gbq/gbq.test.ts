import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { findFreePort } from '@mooring/lab/free-port';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../interface/secret.js';
import { allBatches, failureOf } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { harness } from './harness.js';
import { source } from './source.js';
import { inputOf, open } from './test-stand.js';

const startLab = (rowsInBig: number) =>
  startBigQuery({
    rowsInBig,
    verifyAccessToken: async (token) =>
      token.startsWith('token-') ? { active: true, sub: token.slice('token-'.length) } : { active: false },
  });

const labSettings = (lab: LabBigQuery) => ({ apiEndpoint: lab.url, tokenEndpoint: `${lab.url}/token` });

describeSource(source, harness);

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
