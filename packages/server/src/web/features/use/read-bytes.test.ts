import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// A file as its source stores it, whole or a range.

const content = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 256));
const name = '..\\"r\u202eapé".html';
const path = ['hostile/', name];
let server: TestServer;
let s3: LabS3;
let alice: TestUser;
let files: string;
const stores: Server[] = [];

async function connect(dataSourceId: string, connectionProperties: object): Promise<string> {
  const made = await alice.api.post('/api/v1/data-connections', {
    ...{ dataSourceId, qName: `connection ${Math.random()}`, connectionProperties },
  });
  expect(made.status, made.text).toBe(201);
  return `/api/v1/data-connections/${made.body.qID}`;
}

/** A store that answers every request so, without a look at its signature. */
async function storeOf(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<string> {
  const store = createServer((request, response) => answer(response, request));
  stores.push(store);
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
  const login = { accessKey: 'key', secretKey: 'secret' };
  return connect('File_AmazonS3Connector', { endpoint, bucketName: 'lab', ...login });
}

beforeAll(async () => {
  s3 = await startS3({ forged: { [name]: content, empty: Buffer.alloc(0) } });
  server = await startServer({ configuration: { limits: { readBytes: 5_000, idleSeconds: 5 } } });
  alice = await addUser(server.url, server.adminKey, 'alice');
  files = await connect('File_AmazonS3Connector', {
    ...{ endpoint: s3.url, region: s3.region, bucketName: 'mooring-lab', ...s3.accounts.analyst },
  });
});
afterAll(async () => {
  for (const store of stores) store.closeAllConnections();
  for (const store of stores) store.close();
  await server.close();
  await s3.close();
});

const open = (
  connection: string,
  body: object,
  { accept = 'application/octet-stream', query = '', signal = undefined as AbortSignal | undefined } = {},
) =>
  fetch(`${server.url}${connection}/actions/read${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${alice.key}`, 'content-type': 'application/json', accept },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });

/** Process ids of the runners of this process: proc_pid_stat(5). */
const runners = () =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const [, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
        return (
          Number(parent) === process.pid &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('runner-main')
        );
      } catch {
        // It has ended since.
        return false;
      }
    });

async function refused(response: Response) {
  expect(response.headers.get('content-type')).toContain('application/json');
  const { errors } = (await response.json()) as { errors: { code: string; detail: string }[] };
  return [response.status, errors[0]?.code, errors[0]?.detail];
}

describe('the bytes of a file', () => {
  it('are answered as stored, with length, version and a name that hides nothing, and as no type that a browser runs', async () => {
    const whole = await open(files, { path });
    expect(whole.status).toBe(200);
    expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '3000',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(whole.headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/);
    expect(whole.headers.get('content-disposition')).toBe(
      `attachment; filename="___r_ap__.html"; filename*=UTF-8''__%22r_ap%C3%A9%22.html`,
    );
    const empty = await open(files, { path: ['hostile/', 'empty'] });
    expect([empty.status, empty.headers.get('content-length'), await empty.text()]).toEqual([200, '0', '']);
  });

  it.each([
    [[0, 0], '0-0'],
    [[10, 2000], '10-2000'],
    [[2990, Number.MAX_SAFE_INTEGER], '2990-2999'],
  ])('are answered as 206 for the range %j', async (range, told) => {
    const part = await open(files, { path, range });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${told}/3000`]);
    const [from = 0, to = 0] = range;
    expect(Buffer.from(await part.arrayBuffer()).equals(content.subarray(from, to + 1))).toBe(true);
  });

  it.each([[[-1, 5]], [[5, 4]], [[0]], [[0, 1, 2]], [[0.5, 2]], [['0', '9']], [[0, 2 ** 53]], ['0-5'], [{}]])(
    'are refused for the range %j before anything is sent to the source',
    async (range) => {
      const [status, code, detail] = await refused(await open(files, { path, range }));
      expect([status, code]).toEqual([400, 'DCERROR-0010']);
      expect(detail).toContain('range');
    },
  );

  it('begin within the file, at a path that names one', async () => {
    const beyond = await refused(await open(files, { path, range: [3000, 3001] }));
    expect(beyond.slice(0, 2)).toEqual([422, 'SOURCE-QUERY-INVALID']);
    expect(beyond[2]).toContain('The range begins after the end of the file.');
    const missing = await refused(await open(files, { path: ['hostile/', 'none'] }));
    expect(missing.slice(0, 2)).toEqual([404, 'SOURCE-NOT-FOUND']);
    expect((await refused(await open(files, { path: ['hostile/'] })))[1]).toBe('SOURCE-QUERY-INVALID');
    expect((await refused(await open(files, {})))[2]).toContain('path: is required');
  });

  it('take no member that is for rows, and rows take no range', async () => {
    const ofRows = { limit: 1, columns: ['a'], asText: ['a'], file: { format: 'csv' }, query: 'a' };
    for (const [member, value] of Object.entries(ofRows)) {
      const [status, , detail] = await refused(await open(files, { path, [member]: value }));
      expect([status, detail]).toEqual([400, `${member}: is only for rows; bytes have path and range`]);
    }
    expect((await refused(await open(files, { path }, { query: '?header=1' })))[0]).toBe(400);
    const rows = await refused(await open(files, { path, range: [0, 1] }, { accept: '*/*' }));
    expect([rows[0], rows[2]]).toEqual([
      400,
      'range: is only for bytes; send Accept: application/octet-stream',
    ]);
  });

  it('are refused by a source without files', async () => {
    const rest = await connect('rest', { url: 'http://127.0.0.1:9/prices' });
    const answer = await refused(await open(rest, { path: [] }));
    expect(answer.slice(0, 2)).toEqual([422, 'SOURCE-UNSUPPORTED']);
    expect(answer[2]).toContain('has no files to read as bytes. Read its rows:');
  });

  it('beyond the limit of the operator are refused at once, or cut where the source does not say their number', async () => {
    const told = await storeOf((response) =>
      response.setHeader('Content-Length', 6000).end(Buffer.alloc(6000)),
    );
    const answer = await refused(await open(told, { path: ['a'] }));
    expect(answer.slice(0, 2)).toEqual([403, 'QUOTA-EXCEEDED']);
    expect(answer[2]).toContain('limits.readBytes (5000)');
    const untold = await storeOf((response) => response.write(Buffer.alloc(6000), () => response.end()));
    const cut = await open(untold, { path: ['a'] });
    expect([cut.status, cut.headers.get('content-length')]).toEqual([200, null]);
    await expect(cut.arrayBuffer()).rejects.toThrow();
  });

  it('that end midway, or are another part than asked for, never look whole', async () => {
    const midway = await storeOf((response) => {
      response.setHeader('Content-Length', 3000);
      response.write(Buffer.alloc(100), () => response.destroy());
    });
    const broken = await open(midway, { path: ['a'] })
      .then((response) => response.arrayBuffer())
      .catch(() => 'broken');
    expect(broken).toBe('broken');
    const other = await storeOf((response) => {
      response.writeHead(206, { 'Content-Range': 'bytes 0-99/3000', 'Content-Length': 100 });
      response.end(Buffer.alloc(100));
    });
    const answer = await refused(await open(other, { path: ['a'], range: [0, 9] }));
    expect(answer.slice(0, 2)).toEqual([424, 'SOURCE-PROTOCOL-ERROR']);
  });

  it('stop at the source when the client leaves, and are in the usage log with their number', async () => {
    let isClosed = false;
    const endless = await storeOf((response) => {
      response.once('close', () => {
        isClosed = true;
      });
      response.setHeader('Content-Length', 4000);
      response.write(Buffer.alloc(100));
    });
    const leave = new AbortController();
    const response = await open(endless, { path: ['a'] }, { signal: leave.signal });
    await response.body?.getReader().read();
    leave.abort();
    await expect.poll(() => isClosed).toBe(true);
    await (await open(files, { path, range: [0, 9] })).arrayBuffer();
    const lastUse = async (connection: string) => {
      const { data } = (await alice.api.get('/api/v1/data-uses')).body;
      const of = data.find(({ connectionId }: { connectionId: string }) => connection.endsWith(connectionId));
      return of && [of.action, of.result, of.bytes];
    };
    await expect.poll(() => lastUse(files)).toEqual(['read', 'ok', 10]);
    await expect.poll(() => lastUse(endless)).toEqual(['read', 'cancelled', 100]);
  });

  it.runIf(inject('withRunners'))('never look whole when their runner is killed midway', async () => {
    const stalled = await storeOf((response) => {
      response.setHeader('Content-Length', 4000);
      response.write(Buffer.alloc(100));
    });
    const response = await open(stalled, { path: ['a'] });
    const rest = expect(response.arrayBuffer()).rejects.toThrow();
    for (const pid of runners()) process.kill(pid, 'SIGKILL');
    await rest;
    const again = await open(files, { path, range: [0, 9] });
    expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([206, 10]);
  });
});
