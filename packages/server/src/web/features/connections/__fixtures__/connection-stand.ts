import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { addUser, apiClient, type TestUser } from '../../../../testing/api-client.js';
import { startServer } from '../../../../testing/start-server.js';

export const database = { host: 'db.example.com', db: 'sales' };
export const login = { username: 'alice', password: 'canary-password-3321' };

type ConnectionStand = Awaited<ReturnType<typeof startConnectionStand>>;

/** A server where Alice owns two shared spaces and Bob is a producer in the first. */
async function startConnectionStand() {
  const server = await startServer();
  const admin = apiClient(server.url, server.adminKey);
  const alice = await addUser(server.url, server.adminKey, 'alice');
  const bob = await addUser(server.url, server.adminKey, 'bob');
  const spaceOf = async (name: string): Promise<string> =>
    (await alice.api.post('/api/v1/spaces', { name, type: 'shared' })).body.id;
  const [spaceId, otherSpaceId] = [await spaceOf('Sales'), await spaceOf('Finance')];
  await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
    ...{ type: 'user', assigneeId: bob.id, roles: ['producer'] },
  });
  let count = 0;
  const create = async (properties: object = {}) => {
    count += 1;
    const answer = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'postgres', qName: `connection ${count}`, space: spaceId },
      connectionProperties: { ...database, ...login, ...properties },
    });
    expect(answer.status, answer.text).toBe(201);
    return answer.body;
  };
  return {
    ...{ server, admin, alice, bob, spaceId, otherSpaceId },
    /** Of Alice, in the first space, with an embedded login unless the properties separate it. */
    create,
    separated: () => create({ separateCredentials: true, credentialsName: `login ${count}` }),
    get: async (id: string, person: TestUser = alice) =>
      (await person.api.get(`/api/v1/data-connections/${id}?parseConnection=true`)).body,
    patch: (id: string, operations: unknown[], person: TestUser = alice) =>
      person.api.patch(`/api/v1/data-connections/${id}`, operations),
    state: async (id: string, person: TestUser = alice) =>
      (await person.api.get(`/api/v1/data-connections/${id}/credential`)).body.state,
  };
}

/** One stand for all tests of the calling file. `count` distinguishes the names of each test. */
export function connectionStandOfFile() {
  const file = { count: 0 } as { stand: ConnectionStand; count: number };
  beforeAll(async () => {
    file.stand = await startConnectionStand();
  });
  afterAll(() => file.stand.server.close());
  beforeEach(() => {
    file.count += 1;
  });
  return file;
}
