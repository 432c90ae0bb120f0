import { describe, expect, it } from 'vitest';
import { isRunning } from '../../families/mysql/__fixtures__/administration.js';
import { allBatches, expectNoSecrets, failureOf, openSession, waitUntil } from '../../suite/bench.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';
import { source } from './source.js';

const server = realServer();
const { rowsOf, failsWith, openFails } = server;

describe('sessions of MySQL', () => {
  it('lets two users see their own rows on one connection', async () => {
    const path = ['sales', 'orders'];
    expect(await rowsOf({ path }, inputFor(server.lab, { login: server.lab.roles.alice }))).toHaveLength(5);
    expect(await rowsOf({ path }, inputFor(server.lab, { login: server.lab.roles.bob }))).toHaveLength(3);
  });

  it('streams a million rows in order, in batches of at most the asked size', async () => {
    await server.bench.within(async (session) => {
      const stream = await session.read({
        query: 'select seq from sales.seq_1_to_1000000',
        batchRows: 5_000,
      });
      let before = 0;
      for await (const batch of stream.batches) {
        expect(batch.length).toBeLessThanOrEqual(5_000);
        for (const [value] of batch) {
          const seq = Number(value);
          if (seq !== before + 1) throw new Error(`row ${seq} came after ${before}`);
          before = seq;
        }
      }
      expect(before).toBe(1_000_000);
    });
  });

  it('holds the server back while the reader is slow', async () => {
    await server.bench.within(async (session) => {
      const query = `select seq, repeat('x', 10000) as held_back from sales.seq_1_to_1000000`;
      const stream = await session.read({ query, batchRows: 100 });
      const before = process.memoryUsage.rss();
      for await (const batch of stream.batches) {
        expect(batch.length).toBeLessThanOrEqual(100);
        expect(await isRunning(server.lab, 'held_back')).toBe(true);
        expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
        break;
      }
      expect(await isRunning(server.lab, 'held_back')).toBe(false);
      await session.ping();
    });
  });

  it('D25: a reader who leaves stops the work, and the session can be reused', async () => {
    await server.bench.within(async (session) => {
      const query = 'select seq, if(seq > 20000, sleep(60), 0) as leaving_reader from sales.seq_1_to_100000';
      const stream = await session.read({ query, batchRows: 100 });
      for await (const _batch of stream.batches) {
        expect(await waitUntil(() => isRunning(server.lab, 'leaving_reader'), 30_000)).toBe(true);
        break;
      }
      expect(await isRunning(server.lab, 'leaving_reader')).toBe(false);
      expect(await allBatches(await session.read({ query: 'select 7 as seven', batchRows: 1 }))).toEqual([
        [[7]],
      ]);
    });
  });

  it('stops at the limit of a query without waiting for its end', async () => {
    const query = 'select seq, if(seq > 20000, sleep(60), 0) as limited from sales.seq_1_to_100000';
    expect(await rowsOf({ query, limit: 3 })).toEqual(
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ].map(([seq, zero]) => [String(seq), zero]),
    );
    expect(await isRunning(server.lab, 'limited')).toBe(false);
  });

  it('D12: quotes every name, however odd, and takes a dot as part of it', async () => {
    expect(await rowsOf({ path: ['sales', 'Order Lines; drop'], columns: ['Unit Price'] })).toEqual([
      ['12.5000'],
      ['-0.0001'],
    ]);
    const injected = [
      'scratch`; drop table scratch; --',
      'sales.orders',
      `x' or '1'='1`,
      'x'.repeat(10_000),
      '*',
      '',
    ];
    for (const name of injected) {
      const error = await server.bench.within((session) =>
        failureOf(session.read({ path: ['sales', name], batchRows: 1 }).then(allBatches)),
      );
      expect(['not_found', 'invalid_query']).toContain(error.kind);
      const listed = await server.bench.within((session) =>
        failureOf(session.browse({ path: ['sales', name], limit: 5 })),
      );
      expect(listed.kind).toBe('not_found');
    }
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
  });

  it.each([
    `insert into sales.scratch values (1, 'x')`,
    `insert into sales.scratch values (1, 'x') returning id`,
    `replace into sales.scratch values (1, 'x') returning id`,
    'delete from sales.customers returning id',
    'create table sales.made (id int)',
    'create table sales.copied select * from sales.customers',
    `select 1; insert into sales.scratch values (1, 'x')`,
    `commit; insert into sales.scratch values (1, 'x')`,
    'commit',
    'set session transaction read write',
    `set session tx_read_only = off`,
    `select 'x' into outfile '/tmp/mooring-written-by-a-test'`,
    `select 1 into @kept`,
    `load data local infile '/etc/hostname' into table sales.scratch`,
    `load data infile '/etc/hostname' into table sales.scratch`,
    `do sleep(0)`,
    `prepare kept from 'select 1'`,
    `execute immediate 'insert into sales.scratch values (1, 2)'`,
    'lock tables sales.scratch write',
    'flush tables',
    '',
    '-- nothing',
    'select ?',
  ])('D05, D13: refuses %j, also to an administrator', async (query) => {
    const error = await failsWith(query);
    expect(['invalid_query', 'unsupported']).toContain(error.kind);
    expect(error.message).not.toContain('scratch');
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
    expect(await rowsOf({ path: ['sales', 'customers'] })).toHaveLength(3);
  });

  it('X13: what a statement leaves in a session does not reach the next one', async () => {
    await server.bench.within(async (session) => {
      const read = async (query: string) =>
        (await allBatches(await session.read({ query, batchRows: 1 }))).flat();
      await read(`select @left := 'behind', get_lock('mooring_left', 1)`);
      expect(await read(`select @left, is_free_lock('mooring_left'), @@time_zone, @@tx_read_only`)).toEqual([
        [null, 1, '+00:00', '1'],
      ]);
    });
  });

  it('distinguishes missing permissions, missing databases, invalid statements and busy sessions', async () => {
    const denied = await server.bench.within(
      (session) => failureOf(session.read({ path: ['sales', 'salaries'], batchRows: 1 })),
      { input: inputFor(server.lab, { login: server.lab.roles.alice }) },
    );
    expect(denied.kind).toBe('permission_denied');
    expect((await failsWith('selec 1')).kind).toBe('invalid_query');
    expect((await failsWith('select * from sales.nowhere')).kind).toBe('not_found');
    expect((await openFails({ properties: { database: 'no?such&database' } })).kind).toBe('not_found');
    await server.bench.within(async (session) => {
      await session.read({ path: ['sales', 'all_orders'], batchRows: 1 });
      expect((await failureOf(session.ping())).kind).toBe('unsupported');
    });
  });

  it('D15: refuses a giant row instead of holding it', async () => {
    const before = process.memoryUsage.rss();
    const cells = Array.from({ length: 14 }, () => `repeat('x', 15000000)`).join(', ');
    expect((await failsWith(`select ${cells}`)).kind).toBe('too_large');
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });

  it('D22: trusts no server without its root certificate', async () => {
    expect((await openFails({ properties: { rootCertificates: undefined } })).kind).toBe('tls_failed');
    for (const sslmode of ['verify-full', 'verify-ca', 'require', 'disable']) {
      const session = await server.bench.open(inputFor(server.lab, { properties: { sslmode } }));
      await session.ping();
      await session.close();
    }
  });

  it('D22: checks the requested name or address, and no other', async () => {
    const { network } = server.bench;
    // The certificate is for localhost and 127.0.0.1; the network leads every name to that server.
    const misled = {
      ...network,
      socket: () => network.socket({ host: server.lab.host, port: server.lab.port }),
    };
    for (const [host, isTrusted] of [
      ['localhost', true],
      ['127.0.0.1', true],
      ['db.example.com', false],
      ['192.0.2.7', false],
    ] as const) {
      const input = inputFor(server.lab, { properties: { host } });
      const work = openSession(source, input, { network: misled });
      if (isTrusted) await work.then((session) => session.close());
      else expect((await failureOf(work)).kind).toBe('tls_failed');
    }
  });

  it('reports a wrong password as such in every TLS mode, and never in an error', async () => {
    for (const sslmode of ['verify-full', 'disable']) {
      const password = 'canary-5b1f9a-ünïcode';
      const error = await openFails({ properties: { sslmode }, fields: { password } });
      expect(error.kind).toBe('auth_failed');
      expectNoSecrets(error, [password]);
    }
  });
});
