import { expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { startNodes } from '../../testing/start-nodes.js';

it('NO2: a create that took effect is answered so, even if its answer cannot be sealed', async () => {
  const all = await startNodes({ count: 1 });
  const [node] = all.nodes;
  const admin = apiClient(node?.url ?? '', node?.adminKey);
  // Long enough for the node to learn, in the middle of the create, that no key is active: as after a failover.
  await all.database.run(`create function slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(1.5); return new; end $$`);
  for (const table of ['space', 'audit_event']) {
    await all.database.run(
      `create trigger slow before insert on ${table} for each row execute function slow()`,
    );
  }
  const create = () =>
    admin.post('/api/v1/spaces', { name: 'Made', type: 'shared' }, { 'idempotency-key': 'once' });
  const creating = create();
  await expect.poll(async () => (await all.database.text()).includes('"route":"createSpace"')).toBe(true);
  await all.database.run("update vault_key set state = 'previous' where state = 'active'");
  const made = await creating;
  expect(made.status, made.text).toBe(201);
  await all.database.run("update vault_key set state = 'active' where state = 'previous'");
  await all.database.run('drop trigger slow on space; drop trigger slow on audit_event');
  // First reported as not yet known, then repeated.
  await expect.poll(async () => (await create()).text, { timeout: 60_000 }).toBe(made.text);
  const { data } = (await admin.get('/api/v1/spaces')).body;
  expect(data).toHaveLength(1);
  await all.close();
});
