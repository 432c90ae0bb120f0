import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startBlackableRelay } from '@mooring/lab/blackable-relay';
import { startPostgres } from '@mooring/lab/postgres';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterEach, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// How much a source gets rid of is counted at the source: what it could write into its socket.

const megabyte = 1_048_576;
/** Thousand bytes each; many times what may be on its way. */
const rows = full(200_000, 80_000);
const line = `${'x'.repeat(999)}\n`;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()?.();
});

interface Source {
  connection: { datasourceID: string; connectionProperties: object };
  target: object;
  /** Bytes that it could write so far. */
  written(): number;
}

async function startDatabase(): Promise<Source> {
  const lab = await startPostgres();
  closers.push(() => lab.close());
  const relay = await startBlackableRelay(lab);
  closers.push(() => relay.close());
  const { user: username, password } = lab.roles.reader;
  return {
    connection: {
      datasourceID: 'postgres',
      connectionProperties: {
        ...{ host: lab.host, port: relay.port, db: lab.database, sslmode: 'disable', username, password },
      },
    },
    target: { query: `SELECT repeat('x', 999) AS text FROM (SELECT generate_series(1, ${rows})) AS numbers` },
    written: relay.answeredBytes,
  };
}

/** A bucket whose one object is a CSV of long lines, made while it is fetched. */
async function startBucket(): Promise<Source> {
  const block = Buffer.from(line.repeat(100));
  let written = 0;
  const send = (response: ServerResponse, left: number): void => {
    if (left === 0) return void response.end();
    response.write(block, () => {
      written += block.length;
      send(response, left - 1);
    });
  };
  const server = createServer((request, response) => {
    const length = Buffer.byteLength('text\n') + rows * line.length;
    response.writeHead(200, { 'content-length': length, 'content-type': 'text/csv', etag: '"one"' });
    if (request.method === 'HEAD') return void response.end();
    response.write('text\n');
    send(response, (rows * line.length) / block.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    connection: {
      datasourceID: 'File_AmazonS3Connector',
      connectionProperties: {
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        ...{ bucketName: 'lab', accessKey: 'key', secretKey: 'secret' },
      },
    },
    target: { path: ['long.csv'] },
    written: () => written,
  };
}

async function openRead({ url, adminKey }: MooringProcess, { connection, target }: Source) {
  const made = await apiClient(url, adminKey).post('/api/v1/data-connections', {
    ...{ qName: 'long', ...connection },
  });
  expect(made.status, made.text).toBe(201);
  return new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      ...{ authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', accept: 'text/csv' },
    };
    const path = `${url}/api/v1/data-connections/${made.body.qID}/actions/read`;
    httpRequest(path, { method: 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(JSON.stringify(target));
  });
}

it.each([
  ['a database', startDatabase],
  ['an object of S3', startBucket],
])(
  'R23: %s is paused while its reader takes 1 KB a second, and resumes with the reader',
  async (_what, start) => {
    const source = await start();
    const mooring = await startMooring({ configuration: { limits: { idleSeconds: 600 } } });
    closers.push(() => mooring.stop());
    const message = await openRead(mooring, source);
    let bytes = 0;
    const reading = setInterval(() => {
      bytes += (message.read(1024) as Buffer | null)?.length ?? 0;
    }, 1000);
    let before = -1;
    let still = 0;
    const stillFor = () => {
      const now = source.written();
      still = now === before ? still + 1 : 0;
      before = now;
      return still;
    };
    await expect.poll(stillFor, { timeout: 60_000, interval: 500 }).toBeGreaterThan(10);
    expect(bytes).toBeGreaterThan(0);
    expect(source.written() / megabyte).toBeLessThan(24);
    clearInterval(reading);
    for await (const chunk of message) bytes += (chunk as Buffer).length;
    expect(message.trailers['mooring-stream']).toBe('complete');
    expect(bytes).toBeGreaterThan(rows * 1000);
    expect(source.written()).toBeGreaterThanOrEqual(rows * 999);
  },
);
