import { setTimeout as pause } from 'node:timers/promises';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../testing/api-client.js';
import { startNodes, type TestNodes } from '../../testing/start-nodes.js';

const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };
const keysPath = '/api/v1/vault-keys';

let all: TestNodes;
let a: ApiClient;
let b: ApiClient;

beforeAll(async () => {
  all = await startNodes({ count: 2, configuration: { egress: { loopback: 'deny' } } });
  const [first, second] = all.nodes;
  if (!first || !second) throw new Error('no nodes');
  a = apiClient(first.url, first.adminKey);
  b = apiClient(second.url, second.adminKey);
});
afterAll(() => all.close());

let names = 0;
const create = (api: ApiClient) => {
  names += 1;
  const body = { datasourceID: 'postgres', qName: `c${names}`, connectionProperties };
  return api.post('/api/v1/data-connections', body);
};
/** The gate refuses the request that follows the opening of the credential. */
const codeOfBrowse = async (api: ApiClient, id: string): Promise<string> =>
  (await api.post(`/api/v1/data-connections/${id}/actions/browse`)).body.errors[0].code;
const activeKey = async (): Promise<string> =>
  (await a.get(keysPath)).body.data.find((key: { state: string }) => key.state === 'active').id;

it('V11: what one node seals under a new key, the other opens at once, and no node ever writes under a retired one', async () => {
  const old = await activeKey();
  const made: string[] = [];
  const refused: string[] = [];
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      const answer = await create(b);
      if (answer.status === 201) made.push(answer.body.qID);
      else refused.push(`${answer.status} ${answer.text}`);
      // Often enough for every moment of a rotation; a writer without pauses would only keep the machine busy.
      await pause(full(20, 100));
    }
  })();
  expect((await a.post(`${keysPath}/actions/rotate`)).status).toBe(200);
  const written = await create(a);
  expect(await codeOfBrowse(b, written.body.qID)).toBe('EGRESS-REFUSED');
  await expect
    .poll(async () => (await a.post(`${keysPath}/${old}/actions/retire`)).status, {
      timeout: 40_000,
      interval: 300,
    })
    .toBe(204);
  const atRetirement = made.length;
  expect(refused).toEqual([]);
  await expect.poll(() => made.length, { timeout: 20_000 }).toBeGreaterThan(atRetirement + 5);
  isOver = true;
  await writing;
  expect(refused).toEqual([]);
  // The database itself refuses to delete the key's row while a row is under it, so this checks rows written later.
  const states = (await a.get(keysPath)).body.data.map(({ id, records }: { id: string; records: number }) => [
    id === old,
    records > 0,
  ]);
  expect(states).toEqual([[false, true]]);
  for (const id of made) expect(await codeOfBrowse(a, id)).toBe('EGRESS-REFUSED');
});

it('a row that a held-up node would write under a destroyed key is refused by the database', async () => {
  await create(b);
  const late = "update secret set key_id = 'destroyed'";
  await expect(all.database.run(late)).rejects.toThrow('foreign key');
});

it('requests to rotate that come together on both nodes leave one active key and lose none', async () => {
  const { body } = await create(a);
  const answers = await Promise.all([a, b, a, b].map((api) => api.post(`${keysPath}/actions/rotate`)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const states = (await b.get(keysPath)).body.data.map((key: { state: string }) => key.state);
  expect(states.filter((state: string) => state === 'active')).toHaveLength(1);
  expect(states).not.toContain('coming');
  for (const api of [a, b]) expect(await codeOfBrowse(api, body.qID)).toBe('EGRESS-REFUSED');
});
