import { afterAll, beforeAll, expect, it } from 'vitest';
import { addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const path = '/api/v1/data-connections';
const url = 'http://127.0.0.1:9';

let server: TestServer;
let alice: TestUser;
let bob: TestUser;
beforeAll(async () => {
  server = await startServer();
  alice = await addUser(server.url, server.adminKey, 'alice');
  bob = await addUser(server.url, server.adminKey, 'bob');
});
afterAll(() => server.close());

it('TR8: destinations that users allowed under the rule of 0.1.0 stay allowed, path by path, and no others', async () => {
  const space = (await alice.api.post('/api/v1/spaces', { name: 'Team', type: 'shared' })).body.id;
  const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
  await alice.api.post(`/api/v1/spaces/${space}/assignments`, member);
  const create = async (at: string, choice: object) => {
    const made = await alice.api.post(path, {
      ...{ datasourceID: 'rest', qName: at, space },
      connectionProperties: { url: `${url}/${at}`, authSchema: 'basic', ...choice },
    });
    expect(made.status, made.text).toBe(201);
    return `${path}/${made.body.qID}`;
  };
  const login = { username: 'alice', password: 'canary-of-an-upgrade-5523' };
  const own = { separateCredentials: true, credentialsName: 'mine' };
  const orders = await create('orders', { ...login, ...own });
  const { credentialId } = (await alice.api.get(`${orders}/credential`)).body;
  const bills = await create('bills', { separateCredentials: true, selectedCredentials: credentialId });
  const { destination } = (await alice.api.get(`${bills}/credential`)).body;
  await alice.api.post(`${bills}/credential/actions/confirm`, { destination });
  const embedded = await create('embedded', login);
  const bobs = await bob.api.put(`${orders}/credential`, {
    ...{ credentialsName: 'bobs', connectionProperties: { username: 'bob', password: 'canary-of-bob-9917' } },
  });
  expect(bobs.status, bobs.text).toBe(200);
  // Bob has allowed his credential at another service only.
  await server.sql(
    `update credential_destination set destination = replace(destination, '${url}', 'http://elsewhere.example')
      where credential_id = '${bobs.body.credentialId}'`,
  );

  // As 0.1.0 wrote it: origins only, without the properties that decide now.
  const before = `replace(replace(replace(replace(destination, '/orders', ''), '/bills', ''), '/embedded', ''),
    'rest; IsNextUrlFieldPathHeader=false; NextUrlFieldPath=next; PaginationType=None; ', 'rest; ')`;
  await server.sql(`delete from credential_destination where destination like '%/bills'`);
  for (const table of ['credential_destination', 'connection'])
    await server.sql(`update ${table} set destination = ${before}`);
  await server.sql(
    `update connection set properties = replace(properties, '"NextUrlFieldPath":"next",', '')`,
  );
  await server.sql(`delete from setting where name = 'destination-rule'`);
  await server.restart();

  const stateOf = async (person: TestUser, connection: string) =>
    (await person.api.get(`${connection}/credential`)).body;
  for (const connection of [orders, bills, embedded])
    expect(await stateOf(alice, connection), connection).toMatchObject({ state: 'ready' });
  expect((await stateOf(alice, orders)).destination).toMatch(/url=http:\/\/127\.0\.0\.1:9\/orders$/);
  expect((await stateOf(alice, orders)).confirmedDestinations).toHaveLength(2);
  expect((await stateOf(bob, orders)).state).toBe('needs_confirmation');

  // A rename needs no confirmation, and another path does.
  const patch = (connection: string, at: string, value: string) =>
    alice.api.patch(connection, [{ op: 'replace', path: at, value }]);
  for (const connection of [orders, embedded]) {
    const renamed = await patch(connection, '/qName', `${connection} renamed`);
    expect(renamed.status, renamed.text).toBe(204);
    expect((await stateOf(alice, connection)).state).toBe('ready');
  }
  expect((await patch(orders, '/connectionProperties/url', `${url}/`)).status).toBe(204);
  expect((await stateOf(alice, orders)).state).toBe('needs_confirmation');
  await server.restart();
  expect((await stateOf(alice, orders)).state).toBe('needs_confirmation');
  expect((await stateOf(alice, bills)).state).toBe('ready');
});

it('TR22: refuses a credential in the query of a URL, but keeps one that 0.1.0 accepted', async () => {
  const rest = (connectionProperties: object, qName = 'query') =>
    alice.api.post(path, { datasourceID: 'rest', qName, connectionProperties });
  const canary = 'canary-in-a-query-8842';
  for (const [properties, property] of [
    [{ url: `${url}/items?page=1&tok=${canary}` }, 'url'],
    [{ url, queryParameters: [{ name: 'API-Key', value: canary }] }, 'queryParameters'],
    [
      {
        url,
        authSchema: 'oauth2',
        tokenUrl: `${url}/token?access_token=${canary}`,
        ...{ authorizationUrl: url, clientId: 'c' },
      },
      'tokenUrl',
    ],
  ] as const) {
    const refused = await rest(properties);
    expect(refused.status, property).toBe(400);
    expect(refused.body.errors[0].detail).toContain(`connectionProperties.${property}: must not carry`);
    expect(refused.body.errors[0].detail).toContain('apiKeyParameter');
    expect(refused.text).not.toContain(canary);
  }
  const sealed = { url, authSchema: 'apiKey', apiKeyParameter: 'tok', apiKey: canary };
  const made = await rest(sealed);
  expect(made.status, made.text).toBe(201);
  expect((await alice.api.get(`${path}?limit=100`)).text).not.toContain(canary);
  expect(await server.storedText()).not.toContain(canary);

  const old = await rest({ url: `${url}/items?tok=` }, 'old');
  await server.sql(
    `update connection set properties = replace(properties, 'tok=', 'tok=of-0.1.0') where id = '${old.body.qID}'`,
  );
  const patch = (target: string, value: unknown) =>
    alice.api.patch(`${path}/${old.body.qID}`, [{ op: 'replace', path: target, value }]);
  expect((await patch('/qName', 'renamed')).status).toBe(204);
  expect((await patch('/connectionProperties/timeout', 20)).status).toBe(204);
  expect((await patch('/connectionProperties/url', `${url}/items?tok=${canary}`)).status).toBe(400);

  await server.sql(`delete from setting where name = 'destination-rule'`);
  await server.restart();
  const admin = apiClient(server.url, server.adminKey);
  const events = await admin.get('/api/v1/audits?eventType=mooring.v1.data-connection.shows-credential');
  expect(events.body.data.map(({ data }: { data: object }) => data)).toEqual([
    { id: old.body.qID, properties: ['url'] },
  ]);
  expect(events.text).not.toContain('of-0.1.0');
  expect(server.logText()).toContain('connections show a credential in a URL');
  const changed = [
    ['/connectionProperties/url', `${url}/items`],
    ['/connectionProperties/authSchema', 'apiKey'],
    ['/connectionProperties/apiKeyParameter', 'tok'],
    ['/connectionProperties/apiKey', canary],
  ].map(([at, value]) => ({ op: 'replace', path: at, value }));
  const mended = await alice.api.patch(`${path}/${old.body.qID}`, changed);
  expect(mended.status, mended.text).toBe(204);
  expect((await alice.api.get(`${path}/${old.body.qID}`)).text).not.toContain('of-0.1.0');
});
