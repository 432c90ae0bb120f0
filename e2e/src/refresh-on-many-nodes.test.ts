import { randomBytes } from 'node:crypto';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { full } from '@mooring/lab/test-tier';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { askWho, connectWarehouse, type SignInLab, startSignInLab } from './sign-in-lab.js';

// Programs of many users, at several processes, find one token expired at the same moment.

const callers = full(1000, 60);
/** Longer than anybody should have to hold a lease, and shorter than callers wait. */
const slowMs = 8_000;

interface Stand {
  lab: SignInLab;
  /** The API at each process. */
  at: ApiClient[];
  path: string;
}

/** All read with the expired token; the provider takes its time. */
async function readTogether({ lab, at, path }: Stand): Promise<void> {
  const { authorizationServer } = lab;
  authorizationServer.expireAccessTokens();
  authorizationServer.resetCounts();
  authorizationServer.switches.tokenDelayMs = slowMs;
  const answers = await Promise.all(
    Array.from({ length: callers }, (_, index) => askWho(at[index % at.length] as ApiClient, path)),
  );
  authorizationServer.switches.tokenDelayMs = 0;
  const failed = answers.filter((answer) => answer.status !== 200);
  expect(failed.slice(0, 3).map((answer) => answer.text)).toEqual([]);
  expect(answers.every((answer) => answer.body.rows[0][0].includes('alice'))).toBe(true);
  expect(authorizationServer.counts().token.refresh_token).toBe(1);
  // The family lives: what was rotated in can be rotated again.
  authorizationServer.expireAccessTokens();
  expect((await askWho(at[0] as ApiClient, path)).status).toBe(200);
  expect(authorizationServer.counts().token.refresh_token).toBe(2);
}

describe('O20, O21: an expired token, strict rotation, a slow provider', () => {
  describe('several processes on one PostgreSQL', () => {
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
      more = await Promise.all(
        Array.from({ length: full(2, 1) }, () => startMooring({ environment, configuration })),
      );
      at = [lab.mooring, ...more].map(({ url, adminKey }) => apiClient(url, adminKey));
    });
    afterAll(async () => {
      await Promise.all(more.map((process) => process.stop()));
      await lab.close();
      await database.drop();
      await postgres.close();
    });

    it('makes one token call for many callers, and fails none of them', async () => {
      const path = await connectWarehouse(lab, at[0] as ApiClient);
      await readTogether({ lab, at, path });
    });
  });

  // The lease is the same statement as on PostgreSQL.
  describe.runIf(full(1, 0) === 1)('one process on SQLite', () => {
    let lab: SignInLab;

    beforeAll(async () => {
      lab = await startSignInLab();
    });
    afterAll(() => lab.close());

    it('makes one token call for many callers, and fails none of them', async () => {
      const api = apiClient(lab.mooring.url, lab.mooring.adminKey);
      const path = await connectWarehouse(lab, api);
      await readTogether({ lab, at: [api], path });
    });
  });
});
