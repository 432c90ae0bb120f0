import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { seededInt } from '@mooring/lab/seeded';
import { openStore } from '@mooring/server/core/store/store';
import { apiClient } from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { afterAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// Processes start and stop in these tests; a machine with other work must not fail them.
const randomInt = seededInt();
const folder = mkdtempSync(path.join(tmpdir(), 'mooring-durability-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The data as a power loss would leave it: the process is held while the files are copied. */
function copyAtThisInstant(mooring: MooringProcess, copy: string): void {
  process.kill(mooring.pid, 'SIGSTOP');
  try {
    for (const suffix of ['', '-wal']) {
      rmSync(copy + suffix, { force: true });
      const file = path.join(mooring.dataFolder, `mooring.db${suffix}`);
      if (existsSync(file)) copyFileSync(file, copy + suffix);
    }
  } finally {
    process.kill(mooring.pid, 'SIGCONT');
  }
}

function namesIn(copy: string): Set<string> {
  const database = new Database(copy);
  try {
    expect(database.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' });
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    const rows = database.prepare('SELECT name FROM space').all() as { name: string }[];
    return new Set(rows.map(({ name }) => name));
  } finally {
    database.close();
  }
}

describe('durability', () => {
  it('R02: every commit is flushed: write-ahead log with synchronous FULL', async () => {
    const store = openStore({ dataFolder: path.join(folder, 'pragmas') });
    const full = 2;
    expect(await store.durability()).toEqual({ journalMode: 'wal', synchronous: full });
    await store.close();
  });

  it('R02: a copy at any instant opens whole and holds all that was acknowledged before', async () => {
    const mooring = await startMooring();
    const api = apiClient(mooring.url, mooring.adminKey);
    const acknowledged = new Set<string>();
    let isStopping = false;
    const writer = async (id: number) => {
      for (let number = 1; !isStopping; number += 1) {
        const name = `Space ${id}-${number}`;
        expect((await api.post('/api/v1/spaces', { name, type: 'shared' })).status).toBe(201);
        acknowledged.add(name);
      }
    };
    const writers = [1, 2, 3, 4].map(writer);
    for (let round = 0; round < 20; round += 1) {
      const enough = acknowledged.size + randomInt(1, 40);
      await expect.poll(() => acknowledged.size, { interval: 1 }).toBeGreaterThanOrEqual(enough);
      const before = [...acknowledged];
      const copy = path.join(folder, 'copy.db');
      copyAtThisInstant(mooring, copy);
      const found = namesIn(copy);
      expect(before.filter((name) => !found.has(name))).toEqual([]);
    }
    isStopping = true;
    await Promise.all(writers);
    expect(await mooring.stop()).toBe(0);
  });
});

describe('stopping', () => {
  it('R09: SIGTERM lets requests and streams in flight finish, takes no new ones, and exits 0', async () => {
    const held: ServerResponse[] = [];
    const source = createServer((_request, response) => void held.push(response));
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/items`;
    const mooring = await startMooring();
    const api = apiClient(mooring.url, mooring.adminKey);
    const { body } = await api.post('/api/v1/data-connections', {
      datasourceID: 'rest',
      qName: 'Slow',
      connectionProperties: { url },
    });
    const actions = `/api/v1/data-connections/${body.qID}/actions`;
    const requests = [
      api.post(`${actions}/preview`, { path: [] }),
      api.post(`${actions}/preview`, { path: [] }),
      api.post(`${actions}/read`, { path: [] }, { accept: 'application/x-ndjson' }),
    ];
    await expect.poll(() => held.length).toBe(requests.length);
    const exit = mooring.stop();
    // No new work from here on: the port is closed, or an open connection gets 503.
    const isTaking = () =>
      fetch(`${mooring.url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isTaking).toBe(false);
    for (const response of held) response.setHeader('content-type', 'application/json').end('[{"id":7}]');
    const [first, second, stream] = await Promise.all(requests);
    expect([first?.status, second?.status, stream?.status]).toEqual([200, 200, 200]);
    expect([first?.body.rows, second?.body.rows]).toEqual([[[7]], [[7]]]);
    expect(stream?.text).toBe('{"id":7}\n');
    expect(await exit).toBe(0);
    source.close();
  });
});
