import { comparingTimes } from '@mooring/lab/comparing-times';
import { percentile } from '@mooring/lab/percentile';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drain, megabyte, openRead, withMooring } from './big-reads.js';
import { healthDuring } from './health-poll.js';

let lab: LabPostgres;
beforeAll(async () => {
  lab = await startPostgres();
});
afterAll(() => lab.close());

describe('under the largest bodies and long reads', () => {
  let s3: LabS3;
  beforeAll(async () => {
    s3 = await startS3({ longParquetRows: 100_000 });
  });
  afterAll(() => s3.close());

  /** Bodies of the largest size, of few values and of as many as are let in or one too many. */
  function largestBodies(): [what: string, door: 'preview' | 'create', body: string][] {
    const valuesMax = 30_000;
    const kept = valuesMax - 20;
    const padded = Math.floor((megabyte - 1000) / kept) - 3;
    const items = (count: number, item: string) => Array.from({ length: count }, () => item).join();
    const members = (count: number, length: number) =>
      Array.from({ length: count }, (_, index) => `"${index}":"${'x'.repeat(length)}"`).join();
    return [
      ['one text', 'preview', JSON.stringify({ query: 'x'.repeat(megabyte - 100) })],
      ['a list', 'preview', `{"path":[],"columns":[${items(kept, `"${'x'.repeat(padded)}"`)}]}`],
      ['a longer list', 'preview', `{"path":[],"columns":[${items(megabyte / 2 - 100, '0')}]}`],
      ['members', 'preview', `{${members(kept, padded - 8)}}`],
      [
        'properties',
        'create',
        `{"datasourceID":"postgres","qName":"x","connectionProperties":{${members(kept, padded - 8)}}}`,
      ],
    ];
  }

  it(
    'R27: health answers within 100 ms, or within thrice what it takes in quiet',
    comparingTimes,
    async () => {
      await withMooring(lab, {}, async (mooring, connection) => {
        const api = apiClient(mooring.url, mooring.adminKey);
        const files = await api.post('/api/v1/data-connections', {
          datasourceID: 'File_AmazonS3Connector',
          qName: 'files',
          connectionProperties: { endpoint: s3.url, ...s3.accounts.analyst, bucketName: 'mooring-lab' },
        });
        expect(files.status, files.text).toBe(201);
        const read = async (body: object) => {
          const path = `/api/v1/data-connections/${files.body.qID}/actions/read`;
          return (await api.post(path, body, { accept: 'text/csv' })).status;
        };
        const doors = {
          preview: `${new URL(connection).pathname}/actions/preview`,
          create: '/api/v1/data-connections',
        };
        const quiet = await healthDuring(
          mooring.url,
          () => new Promise((resolve) => setTimeout(resolve, full(6_000, 2_500))),
        );
        const busy = await healthDuring(mooring.url, async () => {
          for (const [what, door, body] of largestBodies()) {
            expect(body.length, what).toBeGreaterThan(0.9 * megabyte);
            for (let round = 0; round < full(4, 2); round += 1) {
              const refused = await api.post(doors[door], body);
              expect([what, refused.status]).toEqual([what, 400]);
            }
          }
          const csv = await openRead(mooring, connection, 'SELECT * FROM sales.big LIMIT 100000').then(drain);
          expect(csv.state).toBe('complete');
          expect(await read({ path: ['public', 'big.csv'], limit: 100_000 })).toBe(200);
          expect(await read({ path: ['public', 'long.parquet'] })).toBe(200);
        });
        const [before, during] = [percentile(quiet, 0.99), percentile(busy, 0.99)];
        expect(busy.length).toBeGreaterThan(10);
        expect(during, `p99 was ${before} ms in quiet`).toBeLessThan(Math.max(100, 3 * before));
      });
    },
  );
});
