import { randomBytes } from 'node:crypto';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { type SignInLab, signInAndCopyCode, startSignInLab } from './sign-in-lab.js';

// A thousand people's programs at three processes find one token expired at the same moment.

vi.setConfig({ testTimeout: 120_000 });

const callers = 1000;
/** As in `refresh-lease.ts` of the broker. */
const leaseMs = 6_000;

interface Stand {
  lab: SignInLab;
  /** The API at each process. */
  at: ApiClient[];
  path: string;
}

async function connectBySignIn(lab: SignInLab, api: ApiClient): Promise<string> {
  const properties = { OAuthMechanism: '1', Catalog: lab.bigquery.projectId };
  const begin = { datasourceID: 'gbq', qName: 'warehouse', connectionProperties: properties };
  const begun = await api.post('/api/v1/data-connections', { ...begin, authUrlOnly: true });
  const authCode = await signInAndCopyCode(lab, begun.body.authUrl);
  const created = await api.post('/api/v1/data-connections', {
    ...begin,
    connectionProperties: { ...properties, authCode },
  });
  expect(created.status, created.text).toBe(201);
  return `/api/v1/data-connections/${created.body.qID}`;
}

const read = (api: ApiClient, path: string) =>
  api.post(`${path}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });

/** Everybody reads with the expired token; the answers come while the provider takes longer than a lease. */
async function readTogether({ lab, at, path }: Stand): Promise<void> {
  const { authorizationServer } = lab;
  authorizationServer.expireAccessTokens();
  authorizationServer.resetCounts();
  authorizationServer.switches.tokenDelayMs = leaseMs + 2_000;
  const answers = await Promise.all(
    Array.from({ length: callers }, (_, index) => read(at[index % at.length] as ApiClient, path)),
  );
  authorizationServer.switches.tokenDelayMs = 0;
  const failed = answers.filter((answer) => answer.status !== 200);
  expect(failed.slice(0, 3).map((answer) => answer.text)).toEqual([]);
  expect(answers.every((answer) => answer.body.rows[0][0].includes('alice'))).toBe(true);
  expect(authorizationServer.counts().token.refresh_token).toBe(1);
  // The family lives: what was rotated in can be rotated again.
  authorizationServer.expireAccessTokens();
  expect((await read(at[0] as ApiClient, path)).status).toBe(200);
  expect(authorizationServer.counts().token.refresh_token).toBe(2);
}

describe('O20, O21: an expired token, strict rotation, a provider slower than the lease', () => {
  describe('three processes on one PostgreSQL', () => {
    let postgres: LabPostgres;
    let database: FreshDatabase;
    let lab: SignInLab;
    let more: MooringProcess[] = [];
    let at: ApiClient[];

    beforeAll(async () => {
      postgres = await startPostgres({ rowsInBig: 1 });
      database = await freshDatabase(postgres);
      const environment = {
        MOORING_DATABASE_URL: database.url,
        MOORING_MASTER_KEY: randomBytes(32).toString('base64'),
      };
      lab = await startSignInLab({ environment });
      const configuration = lab.configuration;
      more = await Promise.all([1, 2].map(() => startMooring({ environment, configuration })));
      at = [lab.mooring, ...more].map(({ url, adminKey }) => apiClient(url, adminKey));
    });
    afterAll(async () => {
      await Promise.all(more.map((process) => process.stop()));
      await lab.close();
      await postgres.close();
    });

    it('makes one token call for a thousand callers, and fails none of them', async () => {
      const path = await connectBySignIn(lab, at[0] as ApiClient);
      await readTogether({ lab, at, path });
    });
  });

  describe('one process on SQLite', () => {
    let lab: SignInLab;

    beforeAll(async () => {
      lab = await startSignInLab();
    });
    afterAll(() => lab.close());

    it('makes one token call for a thousand callers, and fails none of them', async () => {
      const api = apiClient(lab.mooring.url, lab.mooring.adminKey);
      const path = await connectBySignIn(lab, api);
      await readTogether({ lab, at: [api], path });
    });
  });
});
