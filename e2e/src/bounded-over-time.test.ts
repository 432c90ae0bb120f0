import { statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openDescriptors } from '@mooring/lab/open-descriptors';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';

const rounds = 4;
/** Several times what the log may hold, in all. */
const writesARound = full(400, 240);
const readers = 5;
const walBytesMax = 10 * 1024 * 1024;

it('R28: file descriptors and write-ahead log stay bounded under writes, while long reads are open', async () => {
  const held: ServerResponse[] = [];
  const source = createServer((_request, response) => void held.push(response));
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/items`;
  // More spaces than one user would have.
  const mooring = await startMooring({ configuration: { quotas: { spacesPerUser: 0 } } });
  const api = apiClient(mooring.url, mooring.adminKey);
  const connection = await api.post('/api/v1/data-connections', {
    datasourceID: 'rest',
    qName: 'Long',
    connectionProperties: { url },
  });
  const read = `/api/v1/data-connections/${connection.body.qID}/actions/read`;
  const descriptors: number[] = [];
  const walBytes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const already = held.length;
    const open = Array.from({ length: readers }, () =>
      api.post(read, { path: [] }, { accept: 'application/x-ndjson' }),
    );
    await expect.poll(() => held.length, { timeout: 15_000 }).toBe(already + readers);
    for (let number = 0; number < writesARound; number += 8) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          api.post('/api/v1/spaces', { name: `Space ${round} ${number + index}`, type: 'shared' }),
        ),
      );
      expect(answers.every(({ status }) => status === 201)).toBe(true);
    }
    descriptors.push(openDescriptors(mooring));
    walBytes.push(statSync(path.join(mooring.dataFolder, 'mooring.db-wal')).size);
    for (const response of held.slice(already)) {
      response.setHeader('content-type', 'application/json').end('[{"id":7}]');
    }
    for (const { status } of await Promise.all(open)) expect(status).toBe(200);
  }
  expect(await mooring.stop()).toBe(0);
  source.closeAllConnections();
  source.close();
  expect(Math.max(...walBytes)).toBeLessThan(walBytesMax);
  // One leaked descriptor a round, or one a read, shows.
  expect(Math.max(...descriptors) - Math.min(...descriptors), descriptors.join()).toBeLessThan(rounds - 1);
});
