import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startNodes, type TestNodes } from '../../testing/start-nodes.js';

const connections = '/api/v1/data-connections';
const body = (qName: string) => ({
  dataSourceId: 'rest',
  qName,
  connectionProperties: { url: 'http://127.0.0.1:9/' },
});
const many = <Result>(count: number, work: (index: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

describe('several nodes on one database', () => {
  let all: TestNodes;
  let alice: TestUser;
  /** Alice at each of the nodes. */
  let at: ApiClient[];

  beforeAll(async () => {
    all = await startNodes({
      count: 3,
      onEmpty: true,
      configuration: { rateLimits: { tier1PerMinute: 10_000, tier2PerMinute: 2_000 } },
    });
    const [first] = all.nodes;
    if (!first) throw new Error('no node');
    alice = await addUser(first.url, first.adminKey, 'alice');
    at = all.nodes.map((node) => apiClient(node.url, alice.key));
  });
  afterAll(() => all.close());

  const client = (index: number): ApiClient => at[index % at.length] as ApiClient;
  const query = async <Row extends object>(text: string): Promise<Row[]> => {
    const database = new pg.Client({ connectionString: all.database.url });
    await database.connect();
    const { rows } = await database.query(text);
    await database.end();
    return rows as Row[];
  };

  it('create one tenant and one administrator when they start together on an empty database', async () => {
    expect(await query('select id from tenant')).toHaveLength(1);
    expect(await query('select id from "user" where subject = \'admin\'')).toHaveLength(1);
    expect(await query("select name from setting where name = 'key-check'")).toHaveLength(1);
  });

  it('NO3: leave tidying after their start to one of them', async () => {
    const told = (text: string) => all.nodes.filter((node) => node.logText().includes(text)).length;
    await expect
      .poll(() => told('the store was cleaned up') + told('another node is cleaning up the store'))
      .toBe(3);
    expect(told('the store was cleaned up')).toBe(1);
  });

  it('R04: create once for one Idempotency-Key, whichever node it is sent to', async () => {
    const key = { 'idempotency-key': 'one-for-all' };
    const answers = await many(50, (index) => client(index).post(connections, body('once'), key));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.map((answer) => answer.body.qID)).size).toBe(1);
    const other = await client(1).post(connections, body('other'), key);
    expect(other.status).toBe(422);
  });

  it('R05: give a name to one of fifty who ask for it at once', async () => {
    const answers = await many(50, (index) => client(index).post(connections, body('same')));
    const counts = answers.map((answer) => answer.status).toSorted();
    expect(counts).toEqual([201, ...Array.from({ length: 49 }, () => 409)]);
  });

  it('R07: show at once on every node what was created on one', async () => {
    for (let round = 0; round < 100; round += 1) {
      const { qID } = (await client(round).post(connections, body(`round ${round}`))).body;
      expect((await client(round + 1).get(`${connections}/${qID}`)).status).toBe(200);
    }
  });

  it('R06: lose no update when many change one connection by ETag', async () => {
    const { qID } = (await client(0).post(connections, body('counter'))).body;
    const path = `${connections}/${qID}`;
    let changed = 0;
    await many(12, async (index) => {
      for (let round = 0; round < 4; round += 1) {
        const read = await client(index).get(path);
        const tags = [...read.body.tags, `${index}.${round}`];
        const match = { 'if-match': read.headers.get('etag') ?? '' };
        const patched = await client(index + 1).patch(
          path,
          [{ op: 'replace', path: '/tags', value: tags }],
          match,
        );
        if (patched.status === 204) changed += 1;
        else expect(patched.status).toBe(412);
      }
    });
    const { tags } = (await client(0).get(path)).body;
    const before = (await client(0).get(`${connections}/once?type=connectionname`)).body.tags.length;
    expect(tags.length - before).toBe(changed);
    expect(changed).toBeGreaterThan(0);
  });

  it('W11: refuse a key on all nodes soon after it is revoked on one', async () => {
    const made = await client(0).post('/api/v1/api-keys', { description: 'short lived' });
    const elsewhere = apiClient(all.nodes[1]?.url ?? '', made.body.token);
    expect((await elsewhere.get('/api/v1/users/me')).status).toBe(200);
    expect((await client(2).delete(`/api/v1/api-keys/${made.body.id}`)).status).toBe(204);
    await expect
      .poll(async () => (await elsewhere.get('/api/v1/users/me')).status, { timeout: 5000 })
      .toBe(401);
  });

  it('NO6: create at the same time in one space without undoing one another', async () => {
    // A sequence counts what is rolled back too.
    await all.database.run(`create sequence attempts;
      create function attempt() returns trigger language plpgsql as
        $$ begin perform nextval('attempts'); return new; end $$;
      create trigger attempt before insert on connection for each row execute function attempt()`);
    const made = await many(150, (index) => client(index).post(connections, body(`at once ${index}`)));

    expect(made.filter(({ status }) => status === 201)).toHaveLength(150);
    const [attempts] = await query<{ last_value: string }>('select last_value from attempts');

    // A conflict at the same instant may retry; before, each was rolled back twice or more.
    expect(Number(attempts?.last_value)).toBeLessThan(225);
    await all.database.run(
      'drop trigger attempt on connection; drop function attempt; drop sequence attempts',
    );
    const { meta } = (await client(1).get(`${connections}?limit=1`)).body;
    const { count } = (await query<{ count: string }>('select count(*) as count from connection'))[0] ?? {};
    expect(meta.count).toBe(Number(count));
  });

  it('V18, NO6: keep one usage log between them, whose numbers have no gap in any shard', async () => {
    const made = await many(6, (index) => client(index).post(connections, body(`used ${index}`)));
    const tested = await many(120, (index) =>
      client(index).post(`${connections}/${made[index % 6]?.body.qID}/actions/test`),
    );
    // One user has a share of the limits, and a refused request is not a use.
    const used = tested.filter(({ status }) => status === 200).length;
    expect(used).toBeGreaterThan(60);
    const rows = await query<{ shard: string; seq: string }>(
      'select shard, seq from use_record order by shard, seq',
    );
    expect(rows.length).toBeGreaterThanOrEqual(2 * used);
    const bySharding = new Map<string, number[]>();
    for (const { shard, seq } of rows) bySharding.set(shard, [...(bySharding.get(shard) ?? []), Number(seq)]);
    expect(bySharding.size).toBeGreaterThan(1);
    for (const seqs of bySharding.values()) expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    for (const node of all.nodes) {
      const report = await apiClient(node.url, node.adminKey).post(
        '/api/v1/data-credentials/actions/verify-uses',
        {},
      );
      expect(report.body).toMatchObject({ ok: true, done: true, records: rows.length });
    }
  });
});
