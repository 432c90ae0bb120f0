import { randomUUID } from 'node:crypto';
import { type DatabaseRelay, startDatabaseRelay } from '@mooring/lab/postgres/relay';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ApiClient, apiClient } from '../../testing/api-client.js';
import { startNodes, type TestNodes } from '../../testing/start-nodes.js';
import type { TestServer } from '../../testing/start-server.js';

const connections = '/api/v1/data-connections';
const body = (qName: string) => ({
  dataSourceId: 'rest',
  qName,
  connectionProperties: { url: 'http://127.0.0.1:9/' },
});

describe('a database that fails', () => {
  let relay: DatabaseRelay;
  let all: TestNodes;
  let node: TestServer;
  let admin: ApiClient;
  let nobody: ApiClient;

  beforeAll(async () => {
    const server = inject('databaseServer');
    if (!server) throw new Error('these tests belong to the project "PostgreSQL store"');
    relay = await startDatabaseRelay(server);
    all = await startNodes({
      count: 1,
      via: (url) => {
        const through = new URL(url);
        through.port = String(relay.port);
        return through.href;
      },
    });
    node = all.nodes[0] as TestServer;
    admin = apiClient(node.url, node.adminKey);
    nobody = apiClient(node.url, undefined);
  });
  afterAll(async () => {
    await all.close();
    await relay.close();
  });
  afterEach(async () => {
    relay.thaw();
    // Requests that waited during the silence end slowly, and must not overlap with the next test.
    const write = (name: string) => admin.post('/api/v1/spaces', { name, type: 'shared' });
    const crowd = async () => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => write(`after ${randomUUID()}`)));
      return answers.filter((answer) => answer.status !== 201).map((answer) => answer.text);
    };
    await expect.poll(crowd).toEqual([]);
  });

  const timed = async <Result>(work: () => Promise<Result>): Promise<[Result, number]> => {
    const begun = performance.now();
    const result = await work();
    return [result, (performance.now() - begun) / 1000];
  };

  it('R13: is reported within two seconds while it is silent, and works as soon as it is back', async () => {
    relay.freeze();
    for (let round = 0; round < 3; round += 1) {
      const [refused, seconds] = await timed(() => admin.get('/api/v1/spaces'));
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(refused.body.errors[0]).toMatchObject({ code: 'NOT-READY' });
      expect(seconds).toBeLessThan(2.5);
    }
    expect((await nobody.get('/healthz')).status).toBe(200);
    expect((await nobody.get('/readyz')).status).toBe(503);
    // More requests than the pool has connections, so that the silence affects each connection.
    const crowd = await Promise.all(Array.from({ length: 60 }, () => admin.get('/api/v1/spaces?limit=1')));
    expect(crowd.every((answer) => answer.status === 503)).toBe(true);
    relay.thaw();
    const [, seconds] = await timed(() =>
      expect.poll(async () => (await admin.get('/api/v1/spaces')).status, { timeout: 5000 }).toBe(200),
    );
    expect(seconds).toBeLessThan(5);
    // Nothing is sealed until the keys have been read again.
    await expect.poll(async () => (await nobody.get('/readyz')).status, { timeout: 10_000 }).toBe(200);
    const after = await Promise.all(Array.from({ length: 60 }, () => admin.get('/api/v1/spaces?limit=1')));
    expect(after.every((answer) => answer.status === 200)).toBe(true);
  });

  it('R13: is reported to writers within two seconds too, however many wait for each other', async () => {
    relay.freeze();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const key = index % 2 === 0 ? {} : { 'idempotency-key': `frozen-${index}` };
        return timed(() => admin.post('/api/v1/spaces', { name: `Frozen ${index}`, type: 'shared' }, key));
      }),
    );
    relay.thaw();
    for (const [answer, seconds] of answers) {
      expect(answer.status).toBe(503);
      expect(seconds).toBeLessThan(2.5);
    }
    // A refused request can be sent again with its key.
    await expect
      .poll(
        async () => {
          const key = { 'idempotency-key': 'frozen-1' };
          return (await admin.post('/api/v1/spaces', { name: 'Frozen 1', type: 'shared' }, key)).status;
        },
        { timeout: 5000 },
      )
      .toBe(201);
  });

  it('R13: ends a transaction that a silence cuts in the middle without waiting twice', async () => {
    relay.freezeAt('insert into "space"');
    const key = { 'idempotency-key': 'frozen-midway' };
    const [refused, seconds] = await timed(() =>
      admin.post('/api/v1/spaces', { name: 'Midway', type: 'shared' }, key),
    );
    relay.thaw();
    expect([refused.status, refused.body.errors[0].code]).toEqual([503, 'NOT-READY']);
    expect(seconds).toBeLessThan(2.5);
    await expect
      .poll(
        async () => (await admin.post('/api/v1/spaces', { name: 'Midway', type: 'shared' }, key)).status,
        {
          timeout: 5000,
        },
      )
      .toBe(201);
  });

  it.each([
    ['before', () => relay.freezeNewcomers()],
    ['while', () => relay.freezeWhoSends('set session statement_timeout')],
  ])(
    'is not taken for silent while it answers some: a crowd is served by the connections there are, when new ones fall silent %s they are set up',
    async (_, fallSilent) => {
      expect((await admin.get('/api/v1/spaces?limit=1')).status).toBe(200);
      fallSilent();
      const crowd = await Promise.all(Array.from({ length: 200 }, () => admin.get('/api/v1/spaces?limit=1')));
      expect(crowd.filter((answer) => answer.status !== 200)).toEqual([]);
    },
  );

  it('is not taken for silent by a process that itself stood still', async () => {
    let stood = false;
    relay.whenAsked('from "space"', () => {
      const begun = performance.now();
      while (performance.now() - begun < 2_500);
      stood = true;
    });
    expect((await admin.get('/api/v1/spaces')).status).toBe(200);
    expect(stood).toBe(true);
  });

  it('R14: creates nothing twice for one Idempotency-Key where only the key distinguishes the requests', async () => {
    for (let round = 0; round < 5; round += 1) {
      const description = `cut-${round}`;
      const key = { 'idempotency-key': description };
      relay.cutAtCommit('insert into "api_key"');
      const first = await admin.post('/api/v1/api-keys', { description }, key);
      expect([first.status, first.body.errors[0].code]).toEqual([503, 'OUTCOME-UNKNOWN']);
      const second = await admin.post('/api/v1/api-keys', { description }, key);
      expect([second.status, second.body.errors[0].code]).toEqual([409, 'IDEMPOTENCY-OUTCOME-UNKNOWN']);
      const { data } = (await admin.get('/api/v1/api-keys?limit=100')).body;
      expect(data.filter((found: { description: string }) => found.description === description)).toHaveLength(
        1,
      );
    }
  });

  it('R14: reports that an outcome is unknown, and creates nothing twice for one Idempotency-Key', async () => {
    relay.cutAtCommit('insert into "connection"');
    const unknown = await admin.post(connections, body('cut'));
    expect([unknown.status, unknown.body.errors[0].code]).toEqual([503, 'OUTCOME-UNKNOWN']);
    const found = await admin.get(`${connections}?filter=${encodeURIComponent('qName eq "cut"')}`);
    expect(found.body.data).toHaveLength(1);
    for (let round = 0; round < 10; round += 1) {
      const key = { 'idempotency-key': `round-${round}` };
      relay.cutAtCommit('insert into "connection"');
      const first = await admin.post(connections, body(`round ${round}`), key);
      expect([201, 503]).toContain(first.status);
      const second = await admin.post(connections, body(`round ${round}`), key);
      expect([201, 409]).toContain(second.status);
      const filter = encodeURIComponent(`qName eq "round ${round}"`);
      expect((await admin.get(`${connections}?filter=${filter}`)).body.data.length).toBeLessThanOrEqual(1);
    }
  });

  it('R14: never says that nothing was changed when the store goes away between a change and its answer', async () => {
    const { qID } = (await admin.post(connections, body('original'))).body;
    /** A create, and the beginning of the statement that reads its answer afterwards. */
    const creates: [path: string, body: object, read: string][] = [
      [connections, body('answered late'), 'select "id", "name", "connection_id" from "credential"'],
      [
        `${connections}/actions/duplicate`,
        { id: qID },
        'select "id", "name", "connection_id" from "credential"',
      ],
      ['/api/v1/spaces', { name: 'Answered late', type: 'shared' }, 'from "assignment_role"'],
    ];
    for (const [path, sent, read] of creates) {
      const key = { 'idempotency-key': `answered-late-${path}` };
      relay.cutBefore(read);
      const first = await admin.post(path, sent, key);
      expect([path, first.status, first.body.errors?.[0].code]).toEqual([path, 503, 'OUTCOME-UNKNOWN']);
      const second = await admin.post(path, sent, key);
      expect([path, second.body.errors?.[0].code]).toEqual([path, 'IDEMPOTENCY-OUTCOME-UNKNOWN']);
    }
    const names = (await admin.get(`${connections}?limit=100`)).body.data.map(
      ({ qName }: { qName: string }) => qName,
    );
    expect(names).toEqual(expect.arrayContaining(['answered late', 'original (1)']));
  });

  it('R15: survives a session that is terminated the moment it begins', async () => {
    const database = new pg.Client({ connectionString: all.database.url });
    await database.connect();
    for (let round = 0; round < 3; round += 1) {
      relay.endWhenReady();
      await database.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      await expect.poll(async () => (await admin.get('/api/v1/spaces')).status).toBe(200);
    }
    await database.end();
  });

  it('R15: drops connections to a primary that has become read-only, and writes again when it may', async () => {
    const database = new pg.Client({ connectionString: all.database.url });
    await database.connect();
    const name = new URL(all.database.url).pathname.slice(1);
    await database.query(`alter database ${name} set default_transaction_read_only = on`);
    await database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    const refused = await admin.post('/api/v1/spaces', { name: 'Read only', type: 'shared' });
    expect(refused.status).toBe(503);
    // Reads continue on new connections: the old ones are closed one by one.
    await expect.poll(async () => (await admin.get('/api/v1/spaces')).status).toBe(200);
    await database.query('set transaction_read_only = off');
    await database.query(
      `begin read write; alter database ${name} set default_transaction_read_only = off; commit`,
    );
    await database.end();
    await expect
      .poll(async () => (await admin.post('/api/v1/spaces', { name: 'Back', type: 'shared' })).status, {
        timeout: 10_000,
      })
      .toBe(201);
  });

  it('never shows its password', async () => {
    const { password } = new URL(all.database.url);
    expect(node.logText()).not.toContain(decodeURIComponent(password));
  });
});
