import { type PgBouncerOptions, startPgBouncer } from '@mooring/lab/postgres/pgbouncer';
import pg from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { startNodes } from '../../testing/start-nodes.js';
import { openPostgresStore } from './postgres-store.js';

// PgBouncer between the nodes and their database.

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function startPooler(mode: PgBouncerOptions['mode'], databases = '*'): Promise<number> {
  const server = inject('databaseServer');
  if (!server) throw new Error('these tests belong to the project "PostgreSQL store"');
  const bouncer = await startPgBouncer(server, { mode, databases });
  stops.push(bouncer.close);
  return bouncer.port;
}

const through = (url: string, port: number): string => {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
};

describe.each(['session', 'transaction'] as const)('behind a PgBouncer with pool_mode %s', (mode) => {
  it('NO7: two nodes start, create once for one key, and end a statement that waits', async () => {
    const port = await startPooler(mode);
    const all = await startNodes({ count: 2, via: (url) => through(url, port) });
    stops.push(all.close);
    const apis = all.nodes.map((node) => apiClient(node.url, node.adminKey));
    const spaces = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        apis[index % 2]?.post(
          '/api/v1/spaces',
          { name: 'Once', type: 'shared' },
          { 'idempotency-key': 'once' },
        ),
      ),
    );
    expect(new Set(spaces.map((answer) => answer?.body.id)).size).toBe(1);

    // A writer that waits for a lock: its backend must not keep waiting after the answer.
    const client = new pg.Client({ connectionString: all.database.url });
    await client.connect();
    await client.query('begin; lock table space in exclusive mode');
    const refused = await apis[0]?.post('/api/v1/spaces', { name: 'Waits', type: 'shared' });
    expect(refused?.status).toBe(503);
    const waiting = async () => {
      const { rows } = await client.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      return rows.length;
    };
    await expect.poll(waiting, { timeout: 2_000 }).toBe(0);
    await client.query('rollback');
    await client.end();
  });

  it('NO7: limits hold in the transaction, whichever connection it is given', async () => {
    const port = await startPooler(mode);
    const all = await startNodes({ count: 1 });
    stops.push(all.close);
    const store = openPostgresStore({ url: through(all.database.url, port) });
    stops.push(() => store.close());
    await store.transaction(async (tx) => {
      const { rows } = await tx.executeQuery<{ limit: string }>({
        ...tx.selectFrom('setting').selectAll().compile(),
        sql: "select current_setting('statement_timeout') as limit",
        parameters: [],
      } as never);
      expect(rows[0]?.limit).toBe('1800ms');
    });
  });
});

it('NO7: a refused start says what the pooler said', async () => {
  const port = await startPooler('transaction', 'another');
  const lines = async () => {
    const all = await startNodes({
      count: 1,
      via: (url) => through(url.replace(/\/[^/]*$/, '/there-is-none'), port),
    });
    stops.push(all.close);
    return all.nodes[0]?.logText() ?? '';
  };
  expect(await lines()).toMatch(/It says: .*no such database/);
});

it('NO10: a database without space refuses writes by name, and reads continue', async () => {
  const all = await startNodes({ count: 1 });
  stops.push(all.close);
  const [node] = all.nodes;
  const admin = apiClient(node?.url ?? '', node?.adminKey);
  // What PostgreSQL answers when a file cannot be extended, https://www.postgresql.org/docs/current/errcodes-appendix.html
  await all.database.run(`create function no_room() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$`);
  for (const table of ['space', 'api_key', 'rate_count', 'audit_event', 'idempotent_request']) {
    await all.database.run(
      `create trigger no_room before insert on ${table} for each row execute function no_room()`,
    );
  }
  for (let round = 0; round < 30; round += 1) {
    const refused = await admin.post('/api/v1/spaces', { name: `Full ${round}`, type: 'shared' });
    expect(refused.body.errors[0].code).toBe('STORE-FULL');
    const reads = await Promise.all(
      ['/api/v1/spaces', '/api/v1/data-connections', '/readyz'].map((url) => admin.get(url)),
    );
    expect(reads.map(({ status }) => status)).toEqual([200, 200, 200]);
  }
});
