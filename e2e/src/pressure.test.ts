import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { startCrowd } from '@mooring/lab/crowd';
import { percentile } from '@mooring/lab/percentile';
import { startPostgres } from '@mooring/lab/postgres';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { healthDuring } from './health-poll.js';
import { type MooringOptions, type MooringProcess, startMooring } from './mooring-process.js';

// The built product with little memory, few open files, slow readers and large bodies.

let lab: Awaited<ReturnType<typeof startPostgres>>;
beforeAll(async () => {
  lab = await startPostgres();
});
afterAll(() => lab.close());

async function withMooring(
  options: MooringOptions,
  work: (mooring: MooringProcess, connection: string) => Promise<void>,
): Promise<void> {
  const mooring = await startMooring(options);
  try {
    const { user: username, password } = lab.roles.reader;
    const made = await apiClient(mooring.url, mooring.adminKey).post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'lab',
      connectionProperties: {
        ...{ host: lab.host, port: lab.port, db: lab.database, sslmode: 'disable', username, password },
      },
    });
    expect(made.status, made.text).toBe(201);
    await work(mooring, `${mooring.url}/api/v1/data-connections/${made.body.qID}`);
  } finally {
    await mooring.stop();
  }
}

function openRead({ adminKey }: MooringProcess, connection: string, query: string, accept = 'text/csv') {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', accept };
    httpRequest(`${connection}/actions/read`, { method: 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(JSON.stringify({ query }));
  });
}

/** Reads to the end. @returns the bytes and how the stream says it ended */
async function drain(message: IncomingMessage): Promise<{ bytes: number; state: string | undefined }> {
  let bytes = 0;
  for await (const chunk of message) bytes += (chunk as Buffer).length;
  return { bytes, state: message.trailers['mooring-stream'] };
}

const rows = (count: number) => `SELECT n, repeat('x', 1000) AS text FROM generate_series(1, ${count}) AS n`;
const megabyte = 1_048_576;

/** Resident memory of a process in bytes, as Linux counts it. */
const residentBytes = ({ pid }: MooringProcess): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe('a reader of 1 KB a second', () => {
  it('R23: of 1 GB costs less than 50 MB, holds the source back, and is cut when nothing goes out for long', async () => {
    const idleSeconds = 30;
    await withMooring({ configuration: { limits: { idleSeconds } } }, async (mooring, connection) => {
      // What the driver and the encoder need once is no growth.
      expect((await drain(await openRead(mooring, connection, rows(100_000)))).state).toBe('complete');
      const before = residentBytes(mooring);
      let most = before;
      const since = performance.now();
      const message = await openRead(mooring, connection, rows(1_050_000));
      let taken = 0;
      const reading = setInterval(() => {
        taken += (message.read(1024) as Buffer | null)?.length ?? 0;
      }, 1000);
      const watch = setInterval(() => {
        most = Math.max(most, residentBytes(mooring));
      }, 100);
      const openSessions = async () =>
        /^mooring_open_sessions (\d+)$/m.exec(await (await fetch(`${mooring.url}/metrics`)).text())?.[1];
      await expect.poll(openSessions, { timeout: 120_000, interval: 500 }).toBe('0');
      const seconds = (performance.now() - since) / 1000;
      clearInterval(watch);
      clearInterval(reading);
      message.on('error', () => undefined).destroy();
      expect(message.complete).toBe(false);
      expect((most - before) / megabyte).toBeLessThan(50);
      expect(taken).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(idleSeconds);
      expect(seconds).toBeLessThan(idleSeconds + 30);
    });
  });
});

describe('with a heap of 256 MB', () => {
  it('R12: twenty big reads at the same time come out whole, and the process lives', async () => {
    const environment = { NODE_OPTIONS: '--max-old-space-size=256' };
    await withMooring({ environment }, async (mooring, connection) => {
      const formats = ['text/csv', 'application/x-ndjson', 'application/vnd.apache.arrow.stream'];
      const reads = Array.from({ length: 20 }, async (_, index) =>
        drain(await openRead(mooring, connection, rows(30_000), formats[index % formats.length])),
      );
      for (const { bytes, state } of await Promise.all(reads)) {
        expect(state).toBe('complete');
        expect(bytes).toBeGreaterThan(30_000 * 1000);
      }
      process.kill(mooring.pid, 0);
      expect((await fetch(`${mooring.url}/healthz`)).status).toBe(200);
    });
  });
});

describe('with 128 open files', () => {
  it('R11: sheds load with 503, fails in no other way, and recovers', async () => {
    await withMooring({}, async (mooring, connection) => {
      // Node opens more files than that to load a program, and a driver is loaded on first use.
      expect((await drain(await openRead(mooring, connection, rows(1)))).state).toBe('complete');
      execFileSync('prlimit', [`--pid=${mooring.pid}`, '--nofile=128:128']);
      expect(readFileSync(`/proc/${mooring.pid}/limits`, 'utf8')).toMatch(/Max open files +128 +128 /);
      const slow = 'SELECT pg_sleep(0.5)::text AS slept';
      const crowd = startCrowd({
        url: `${connection}/actions/preview`,
        ...{ key: mooring.adminKey, body: JSON.stringify({ query: slow }), count: 60 },
      });
      const codes = new Map<string, number>();
      await crowd.answered;
      const health = await fetch(`${mooring.url}/healthz`);
      expect(health.status).toBe(200);
      await expect
        .poll(async () => (await fetch(`${mooring.url}/metrics`)).text(), { timeout: 30_000 })
        .toMatch(/^mooring_uses_shed_total\{reason="user_share"\} [1-9]/m);
      // One of the crowd, who comes again until its turn has come.
      const headers = { authorization: `Bearer ${mooring.adminKey}`, 'content-type': 'application/json' };
      const one = { method: 'POST', headers, body: JSON.stringify({ query: slow }) };
      await expect
        .poll(async () => (await fetch(`${connection}/actions/preview`, one)).status, { timeout: 30_000 })
        .toBe(200);
      for (const [code, count] of await crowd.leave()) codes.set(code, count);
      expect(codes.get('BUSY')).toBeGreaterThan(0);
      expect([...codes.keys()].filter((code) => code !== '200' && code !== 'BUSY')).toEqual([]);
      expect((await drain(await openRead(mooring, connection, rows(1000)))).state).toBe('complete');
    });
  });
});

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

  it('R27: health answers within 100 ms, or within thrice what it takes in quiet', async () => {
    await withMooring({}, async (mooring, connection) => {
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
        () => new Promise((resolve) => setTimeout(resolve, 6000)),
      );
      const busy = await healthDuring(mooring.url, async () => {
        for (const [what, door, body] of largestBodies()) {
          expect(body.length, what).toBeGreaterThan(0.9 * megabyte);
          for (let round = 0; round < 4; round += 1) {
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
  });
});
