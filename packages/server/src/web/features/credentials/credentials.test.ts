import { startPostgres } from '@mooring/lab/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const provider = 'QvOdbcConnectorPackage.exe';

describe('data-credentials', () => {
  let lab: Awaited<ReturnType<typeof startPostgres>>;
  let server: TestServer;
  let alice: TestUser;
  let bob: TestUser;
  let connection: string;
  let credential: string;

  beforeAll(async () => {
    lab = await startPostgres();
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    const made = await alice.api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'orders',
      connectionProperties: {
        host: lab.host,
        port: lab.port,
        db: lab.database,
        sslmode: 'disable',
        username: lab.roles.alice.user,
        password: 'not yet right',
        separateCredentials: true,
        credentialsName: 'login',
      },
    });
    connection = `/api/v1/data-connections/${made.body.qID}`;
    credential = `/api/v1/data-credentials/${made.body.qCredentialsID}`;
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
  });

  const reads = async () =>
    (await alice.api.post(`${connection}/actions/preview`, { path: ['sales', 'orders'] })).status;

  it('R08: uses a new password from the next request on, and keeps the members that were not sent', async () => {
    expect(await reads()).toBe(403);
    const patched = await alice.api.patch(credential, [
      { op: 'replace', path: '/qPassword', value: lab.roles.alice.password },
    ]);
    expect(patched.status, patched.text).toBe(204);
    expect(await reads()).toBe(200);
    const { user: qUsername, password: qPassword } = lab.roles.bob;
    const put = await alice.api.put(credential, { qName: 'login', qType: provider, qUsername, qPassword });
    expect(put.status, put.text).toBe(204);
    expect(
      (await alice.api.post(`${connection}/actions/preview`, { path: ['sales', 'orders'] })).body.rows,
    ).toHaveLength(3);
  });

  it('NO9: a page without limit has a hundred; links.next leads to the rest, each credential once', async () => {
    const carol = await addUser(server.url, server.adminKey, 'carol');
    const names = Array.from({ length: 103 }, (_, index) => `login ${index}`);
    for (const qName of names) {
      const made = await carol.api.post('/api/v1/data-credentials', {
        ...{ datasourceID: 'postgres', qName },
        connectionProperties: { host: 'db.example', db: 'd', username: 'u', password: 'a password of carol' },
      });
      expect(made.status, made.text).toBe(201);
    }
    const first = (await carol.api.get('/api/v1/data-credentials')).body;
    expect(first.data).toHaveLength(100);
    const second = (await carol.api.get(first.links.next.href)).body;
    const listed = [...first.data, ...second.data].map(({ qName }: { qName: string }) => qName);
    expect(listed.toSorted()).toEqual(names.toSorted());
    expect(second.links).not.toHaveProperty('next');
    const page = (await carol.api.get('/api/v1/data-credentials?limit=5&datasourceID=postgres')).body;
    expect(page.data).toHaveLength(5);
    expect((await carol.api.get('/api/v1/data-credentials?limit=101')).status).toBe(400);
    expect((await alice.api.get('/api/v1/data-credentials')).text).not.toContain('login 1"');
  });

  it('QL6: names are unique across data sources; a lookup of an older duplicate finds the newest', async () => {
    const dora = await addUser(server.url, server.adminKey, 'dora');
    const add = (datasourceID: string, qName: string) =>
      dora.api.post('/api/v1/data-credentials', {
        ...{ datasourceID, qName },
        connectionProperties: {
          ...{ host: 'h', username: 'u', password: 'canary-of-dora' },
          ...(datasourceID === 'mysql' ? { database: 'd' } : { db: 'd' }),
        },
      });
    const first = (await add('postgres', 'shared name')).body;
    const clash = await add('mysql', 'shared name');
    expect(clash.status, clash.text).toBe(409);
    expect(clash.body.errors[0].detail).toContain(
      `you have a credential of this name, ${first.qID} for postgres`,
    );
    const second = (await add('mysql', 'another name')).body;
    const renamed = await dora.api.patch(`/api/v1/data-credentials/${second.qID}`, [
      { op: 'replace', path: '/qName', value: 'shared name' },
    ]);
    expect(renamed.status).toBe(409);
    await server.sql(
      `update credential set name = 'shared name', name_key = 'shared name', created_at = '2999-01-01T00:00:00.000Z'
        where id = '${second.qID}'`,
    );
    const path = '/api/v1/data-credentials/shared%20name?byCredentialName=True';
    const found = await dora.api.get(path);
    expect(found.body, found.text).toMatchObject({ qID: second.qID, datasourceID: 'mysql' });
    expect(found.headers.get('mooring-same-name')).toBe(`postgres=${first.qID}`);
    expect((await dora.api.get(`${path}&datasourceID=postgres`)).body.qID).toBe(first.qID);
    const guessed = await dora.api.delete(path);
    expect(guessed.status).toBe(400);
    expect(guessed.body.errors[0].detail).toContain(`${second.qID} for mysql`);
  });

  it('renames a credential, and refuses a name that is taken', async () => {
    expect(
      (await alice.api.patch(credential, [{ op: 'replace', path: '/QNAME', value: 'renamed' }])).status,
    ).toBe(204);
    expect((await alice.api.get('/api/v1/data-credentials/renamed?byCredentialName=true')).status).toBe(200);
    const other = {
      datasourceID: 'postgres',
      qName: 'other',
      connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'p' },
    };
    const made = await alice.api.post('/api/v1/data-credentials', other);
    const clash = await alice.api.patch(`/api/v1/data-credentials/${made.body.qID}`, [
      { op: 'replace', path: '/qName', value: 'renamed' },
    ]);
    expect(clash.status).toBe(409);
  });

  it('R05: one of ten parallel creates of the same name succeeds', async () => {
    const body = {
      ...{ datasourceID: 'postgres', qName: 'at once' },
      connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'p' },
    };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => bob.api.post('/api/v1/data-credentials', body)),
    );
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
  });

  it('links to a connection by its id, unless the caller may not use it', async () => {
    const other = await alice.api.get('/api/v1/data-credentials/other?byCredentialName=true');
    const id = connection.split('/').at(-1);
    const linked = await alice.api.patch(`/api/v1/data-credentials/${other.body.qID}`, [
      { op: 'add', path: '/connectionId', value: id },
    ]);
    expect(linked.status).toBe(204);
    // A choice also confirms the destination of that connection.
    expect((await alice.api.get(`${connection}/credential`)).body).toMatchObject({
      state: 'ready',
      credentialId: other.body.qID,
    });
    const foreign = await bob.api.post('/api/v1/data-credentials', {
      datasourceID: 'postgres',
      qName: 'bobs',
      connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'p' },
    });
    const refused = await bob.api.patch(`/api/v1/data-credentials/${foreign.body.qID}`, [
      { op: 'add', path: '/connectionId', value: id },
    ]);
    expect(refused.status).toBe(404);
  });

  it("X05: another user's credential gets the same answer as an unknown id", async () => {
    const mine = await bob.api.patch(credential, [{ op: 'replace', path: '/qName', value: 'stolen' }]);
    const random = await bob.api.patch('/api/v1/data-credentials/00000000-0000-4000-8000-000000000000', [
      { op: 'replace', path: '/qName', value: 'stolen' },
    ]);
    expect(mine.status).toBe(404);
    expect({ ...mine.body, traceId: '' }).toEqual({ ...random.body, traceId: '' });
  });

  it('refuses to change fixed members, and to move an embedded credential to another connection', async () => {
    for (const path of ['/qID', '/qType', '/datasourceID', '/owner']) {
      expect((await alice.api.patch(credential, [{ op: 'replace', path, value: 'x' }])).status, path).toBe(
        400,
      );
    }
    const put = { qName: 'x', qType: 'other.exe', qUsername: 'u', qPassword: 'p' };
    expect((await alice.api.put(credential, put)).status).toBe(400);
    const embedded = await alice.api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'embedded',
      connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'p' },
    });
    const moved = await alice.api.patch(`/api/v1/data-credentials/${embedded.body.qCredentialsID}`, [
      { op: 'replace', path: '/connectionId', value: connection.split('/').at(-1) },
    ]);
    expect(moved.status).toBe(400);
    expect(moved.body.errors[0].detail).toContain('Connection ID changed');
  });
});
