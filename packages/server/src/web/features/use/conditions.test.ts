import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestUser } from '../../../testing/api-client.js';
import { type SharedConnection, sharedConnection } from './__fixtures__/shared-connection.js';

describe('conditions, order and parameters of a read', () => {
  let shared: SharedConnection;
  let alice: TestUser;
  let connection: string;

  beforeAll(async () => {
    shared = await sharedConnection();
    ({ alice, connection } = shared);
  });
  afterAll(() => shared.close());

  it('reads the rows that a condition is true of, sorted, and describes what it does not read', async () => {
    const path = ['sales', 'orders'];
    const all = await alice.api.post(`${connection}/actions/preview`, { path, columns: ['id'] });
    const [low, middle, high] = all.body.rows.map(([id]: [number]) => id).toSorted();
    const asked = { path, columns: ['id'], where: { column: 'id', op: 'in', value: [low, middle, high] } };
    const sorted = { ...asked, orderBy: [{ column: 'id', direction: 'desc' }] };
    const read = await alice.api.post(`${connection}/actions/read`, sorted);
    expect(read.text).toBe(`{"id":${high}}\n{"id":${middle}}\n{"id":${low}}\n`);
    const preview = await alice.api.post(`${connection}/actions/preview`, { ...sorted, limit: 2 });
    expect(preview.body).toMatchObject({ rows: [[high], [middle]], truncated: true });
    const described = await alice.api.post(`${connection}/actions/describe`, { path });
    expect(described.body.kind).toBe('table');
    expect(described.body.columns[0]).toEqual({
      ...{ name: 'id', type: 'integer', width: 32, nullable: true, native: 'integer' },
    });
    const query = { query: 'select $1::int + 1 as more', parameters: [41] };
    expect((await alice.api.post(`${connection}/actions/read`, query)).text).toBe('{"more":42}\n');
    expect((await alice.api.post(`${connection}/actions/describe`, query)).body.columns[0].name).toBe('more');
  });

  it.each([
    [{ path: ['a'], parameters: [1] }, 400, 'parameters: are only for a query'],
    [{ query: 'select 1', parameters: { a: 1 } }, 400, 'parameters: must be a list'],
    [{ query: 'select 1', where: { column: 'a', op: 'null' } }, 400, 'where: is only for a path'],
    [{ query: 'select 1', orderBy: [{ column: 'a' }] }, 400, 'orderBy: is only for a path'],
    [{ path: ['a'], where: { column: 'a', op: 'like', value: 'x' } }, 400, 'where'],
    [{ path: ['a'], where: { column: 'a', op: 'eq', value: 0.1 + 0.2 } }, 400, 'more than 15 digits'],
    [{ path: ['sales', 'orders'], where: { column: 'no', op: 'null' } }, 422, 'column'],
    [
      { path: ['sales', 'orders'], where: { column: 'customer', op: 'lt', value: 'x' } },
      422,
      'cannot compare ranges of text',
    ],
    [{ path: ['sales', 'orders'], where: { column: 'id', op: 'eq', value: 'x' } }, 422, 'where'],
  ])('says of %j what is wrong with it', async (body, status, words) => {
    for (const action of ['read', 'preview']) {
      const answer = await alice.api.post(`${connection}/actions/${action}`, body);
      expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(String(words))]);
    }
  });
});
