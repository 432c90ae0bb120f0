import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { addTenant } from './populated-mooring.js';

// Two tenants of one Mooring, and a PostgreSQL that both can use.

/** Shorter timeouts, so that a black hole is noticed soon; default budgets. */
export const limits = { idleSeconds: 5, testSeconds: 5, pauseSeconds: 4, pauseAfter: 5 };

const query = 'SELECT n, md5(n::text) AS text FROM generate_series(1, 500) AS n';
/** The common request: 500 rows. */
export const previewBody = { query, limit: 1000 };

export const preview = (api: ApiClient, connection: string) =>
  api.post(`${connection}/actions/preview`, previewBody);

export const codeOf = (answer: Answer): string => answer.body?.errors?.[0]?.code ?? String(answer.status);

export const healthy = (api: ApiClient, connection: string) => async () => {
  const answer = await preview(api, connection);
  expect(answer.status, answer.text.slice(0, 300)).toBe(200);
};

export interface IsolationStand {
  lab: LabPostgres;
  mooring: MooringProcess;
  /** Administrators of the two tenants. */
  first: ApiClient;
  other: ApiClient;
  /** A connection to that port. @returns its path */
  connect(api: ApiClient, qName: string, port: number, more?: object): Promise<string>;
  close(): Promise<void>;
}

/** @param configuration of the Mooring */
export async function startIsolationStand(configuration: object): Promise<IsolationStand> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-isolation-'));
  const dataFolder = path.join(folder, 'data');
  const lab = await startPostgres({ rowsInBig: 1 });
  await (await startMooring({ dataFolder })).stop();
  const otherKey = await addTenant(dataFolder, 'other');
  const mooring = await startMooring({ dataFolder, configuration });
  return {
    lab,
    mooring,
    first: apiClient(mooring.url, mooring.adminKey),
    other: apiClient(mooring.url, otherKey),
    async connect(api, qName, port, more = {}) {
      const { user: username, password } = lab.roles.reader;
      const made = await api.post('/api/v1/data-connections', {
        datasourceID: 'postgres',
        qName,
        connectionProperties: {
          ...{ host: '127.0.0.1', port, db: lab.database, sslmode: 'disable', username, password },
          ...more,
        },
      });
      expect(made.status, made.text).toBe(201);
      return `/api/v1/data-connections/${made.body.qID}`;
    },
    async close() {
      await mooring.stop();
      await lab.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
