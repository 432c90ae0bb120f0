import { startPostgres } from '@mooring/lab/postgres';
import { addUser, type TestUser } from '../../../../testing/api-client.js';
import { startServer } from '../../../../testing/start-server.js';

export type SharedConnection = Awaited<ReturnType<typeof sharedConnection>>;

/** Alice's connection in a space where Bob and Carol may use it, each with their own login; only Alice has one yet. */
export async function sharedConnection() {
  const lab = await startPostgres();
  const server = await startServer({ configuration: { limits: { testSeconds: 5, idleSeconds: 5 } } });
  const [alice, bob, carol] = (await Promise.all(
    ['alice', 'bob', 'carol'].map((name) => addUser(server.url, server.adminKey, name)),
  )) as [TestUser, TestUser, TestUser];
  const spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
  for (const { id } of [bob, carol]) {
    const member = { type: 'user', assigneeId: id, roles: ['dataconsumer'] };
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
  }
  const properties = (login: object, more: object = {}) => ({
    host: lab.host,
    port: String(lab.port),
    db: lab.database,
    sslmode: 'disable',
    ...login,
    ...more,
  });
  const { user: username, password } = lab.roles.alice;
  const made = await alice.api.post('/api/v1/data-connections', {
    dataSourceId: 'postgres',
    qName: 'orders',
    space: spaceId,
    connectionProperties: properties(
      { username, password },
      { separateCredentials: 'true', credentialsName: 'my login' },
    ),
  });
  return {
    ...{ lab, server, alice, bob, carol, properties },
    spaceId: spaceId as string,
    connection: `/api/v1/data-connections/${made.body.qID}`,
    async close() {
      await server.close();
      await lab.close();
    },
  };
}
