import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { allBatches, expectNoSecrets, failureOf, waitUntil } from '../../suite/bench.js';
import { isRunning, withAdmin } from './__fixtures__/administration.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';

const server = realServer();
const { rowsOf, failsWith, openFails } = server;

describe('sessions of PostgreSQL', () => {
  it('lets two users see their own rows on one connection', async () => {
    const loginOf = ({ user, password }: { user: string; password: string }) =>
      inputFor(server.lab, { fields: { username: user, password } });
    const path = ['sales', 'orders'];
    expect(await rowsOf({ path }, loginOf(server.lab.roles.alice))).toHaveLength(5);
    expect(await rowsOf({ path }, loginOf(server.lab.roles.bob))).toHaveLength(3);
  });

  it('streams many batches and stops at the server when the reader leaves', async () => {
    await server.bench.within(async (session) => {
      const stream = await session.read({
        query: 'select generate_series(1, 100000000) as endless',
        batchRows: 500,
      });
      let rows = 0;
      for await (const batch of stream.batches) {
        rows += batch.length;
        if (rows > 5_000) break;
      }
      expect(await isRunning(server.lab, 'as endless')).toBe(false);
      const after = await session.read({ query: 'select 7 as seven', batchRows: 1 });
      expect(await allBatches(after)).toEqual([[[7]]]);
    });
  });

  it('D25: a reader who leaves while the server computes stops it, and the session can be reused', async () => {
    await server.bench.within(async (session) => {
      const query = `select g, case when g > 16 then pg_sleep(60)::text end as leaving_reader from generate_series(1, 100) g`;
      const stream = await session.read({ query, batchRows: 16 });
      for await (const batch of stream.batches) {
        expect(batch).toHaveLength(16);
        expect(await waitUntil(() => isRunning(server.lab, 'leaving_reader'), 30_000)).toBe(true);
        break;
      }
      expect(await isRunning(server.lab, 'leaving_reader')).toBe(false);
      await session.ping();
    });
  });

  it('D12: quotes every name, however odd', async () => {
    expect(
      await rowsOf({ path: ['sales', 'Order Lines'], columns: ['say "hi"', 'Order Id'], limit: 1 }),
    ).toEqual([['plain', 1]]);
    expect(await rowsOf({ path: ['Odd Schema', '100% of it; drop table'] })).toEqual([[42]]);
    const injected = [
      'orders"; drop table sales.scratch; --',
      `orders' or '1'='1`,
      'x'.repeat(10_000),
      '*',
      '',
    ];
    for (const name of injected) {
      const error = await server.bench.within((session) =>
        failureOf(session.read({ path: ['sales', name], batchRows: 1 }).then(allBatches)),
      );
      expect(['not_found', 'invalid_query']).toContain(error.kind);
    }
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
  });

  it.each([
    `insert into sales.scratch values (1, 'x')`,
    `insert into sales.scratch values (1, 'x') returning id`,
    `with w as (insert into sales.scratch values (1, 'x') returning id) select * from w`,
    `select * into sales.copied from sales.orders`,
    'create table sales.made (id int)',
    `select 1; insert into sales.scratch values (1, 'x')`,
    `commit; insert into sales.scratch values (1, 'x')`,
    'set transaction read write',
    'set session characteristics as transaction read write',
    'commit',
    `select set_config('transaction_read_only', 'off', false)`,
    `copy (select 1) to program 'true'`,
    `copy sales.orders to stdout`,
    `do $$ begin insert into sales.scratch values (1, 'x'); end $$`,
    'listen channel',
    'prepare kept as select 1',
    '',
    '-- nothing',
    'select $1::int',
  ])('D13: refuses %j, also to an administrator', async (query) => {
    const admin = inputFor(server.lab, {
      fields: { username: server.lab.admin.user, password: server.lab.admin.password },
    });
    const error = await failsWith(query, admin);
    expect(['invalid_query', 'unsupported']).toContain(error.kind);
    expect(error.message).not.toContain('scratch');
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
  });

  it('X13: what a statement leaves in a session does not reach the next one', async () => {
    await server.bench.within(async (session) => {
      const read = async (query: string) =>
        (await allBatches(await session.read({ query, batchRows: 1 }))).flat();
      await read(
        `select set_config('mooring.left', 'behind', false), set_config('timezone', 'Asia/Tokyo', false)`,
      );
      await read('select pg_advisory_lock(4711)');
      expect(await read(`select current_setting('mooring.left', true) as left_behind`)).not.toEqual([
        ['behind'],
      ]);
      expect(await read('select count(*)::int from pg_locks where locktype = $$advisory$$')).toEqual([[0]]);
      expect(await read(`select current_setting('timezone')`)).toEqual([['UTC']]);
    });
  });

  it('US2: names a requested column that does not exist, and says what reads rows', async () => {
    await server.bench.within(async (session) => {
      for (const more of [{ columns: ['b'] }, { asText: ['b'] }]) {
        const error = await failureOf(session.read({ query: 'select 1 as a', ...more, batchRows: 1 }));
        expect([error.message, error.remedy]).toEqual([
          'There is no column "b".',
          'Call actions/preview without "columns" to see the columns. Names are case-sensitive.',
        ]);
      }
    });
    expect((await failsWith('set local work_mem = 64')).remedy).toContain('SELECT');
  });

  it('D15: refuses a giant value instead of holding it', async () => {
    const before = process.memoryUsage.rss();
    expect((await failsWith(`select repeat('x', 500000000)`)).kind).toBe('too_large');
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });

  it('distinguishes missing permissions, missing databases and busy sessions', async () => {
    expect((await failsWith('select * from sales.salaries')).kind).toBe('permission_denied');
    expect((await failsWith('select 1 / 0')).kind).toBe('invalid_query');
    expect((await failsWith('selec 1')).server).toEqual({
      ...{ message: 'syntax error at or near "selec"', code: '42601', position: 1 },
    });
    expect((await openFails({ properties: { db: 'no such?host=127.0.0.2&port=9999' } })).kind).toBe(
      'not_found',
    );
    await server.bench.within(async (session) => {
      await session.read({ path: ['sales', 'orders'], batchRows: 1 });
      expect((await failureOf(session.ping())).kind).toBe('unsupported');
    });
  });

  it('D22: trusts no server without its root certificate', async () => {
    const strict = { rootCertificates: undefined };
    expect((await openFails({ properties: strict })).kind).toBe('tls_failed');
    const elsewhere = { host: server.lab.hostOutsideCertificate };
    expect((await openFails({ properties: elsewhere })).kind).toBe('tls_failed');
    for (const sslmode of ['verify-ca', 'require', 'disable']) {
      const session = await server.bench.open(
        inputFor(server.lab, { properties: { ...elsewhere, sslmode } }),
      );
      await session.ping();
      await session.close();
    }
  });

  it('SU9: takes the passwords that SASLprep refuses, as libpq does, and refuses a wrong one of that kind', async () => {
    // Prohibited (a private one, a mark of annotation), unknown to Unicode 3.2, and right to left beside left to right.
    const typed = ['\u00ad\ue000 x', '\ufb01\ufff9', '👨\u200d👩', '\u2460\u05d0a', 'Ⅸ\u00a0plain'];
    for (const [index, password] of typed.entries()) {
      const user = `odd${index}`;
      await withAdmin(server.lab, (admin) =>
        admin.query(`create role ${user} login password ${pg.escapeLiteral(password)}`),
      );
      const fields = { username: user, password };
      await server.bench.within((session) => session.ping(), { input: inputFor(server.lab, { fields }) });
      const wrong = await openFails({ fields: { username: user, password: `${password}\u00ad!` } });
      expect(wrong.kind).toBe('auth_failed');
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
