import { get } from 'node:http';
import { allRoutes } from '@mooring/contract/all-routes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

const connections = '/api/connectivity/data-connections';

/** With the whole URL as the target (RFC 9112 section 3.2.2). */
const askedAsProxy = (target: string, key: string) =>
  new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const { hostname, port } = new URL(target);
    const headers = { authorization: `Bearer ${key}` };
    get({ hostname, port, path: target, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    }).on('error', reject);
  });

describe('the routes below /api/connectivity', () => {
  let server: TestServer;
  let alice: TestUser;

  beforeAll(async () => {
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const create = (qName: string, more: object = {}) =>
    alice.api.post(connections, {
      datasourceID: 'postgres',
      qName,
      ownerId: 'an app',
      connectionProperties: {
        host: 'db.example.com',
        db: 'd',
        username: 'u',
        password: 'canary-pw-3f',
        separateCredentials: true,
        credentialsName: `of ${qName}`,
        ...more,
      },
    });

  it('has every operation of data-connections, data-credentials and data-sources', () => {
    const at = (door: string) =>
      allRoutes
        .filter(({ path }) => new RegExp(`^/api/${door}/data-(connections|credentials|sources)`).test(path))
        .map(({ method, path }) => `${method} ${path.slice(`/api/${door}`.length)}`);
    const newer = at('connectivity');
    expect(at('v1').length).toBeGreaterThan(20);
    expect(newer).toEqual(expect.arrayContaining(at('v1')));
    expect(newer.filter((operation) => !at('v1').includes(operation)).toSorted()).toEqual([
      'GET /data-sources/endpoints',
      'POST /data-sources/actions/generate-qri',
      'POST /data-sources/endpoints/actions/filter',
    ]);
  });

  it('US6: links work as Qlik prints them, behind the checks of the same route', async () => {
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'postgres', qName: 'linked' },
      connectionProperties: { host: 'db.example.com', db: 'd', username: 'u', password: 'canary-pw-linked' },
    });
    expect(made.body.links.self.href).toBe(`${server.url}/v1/data-connections/${made.body.qID}`);
    const { href } = made.body.links.self;
    const [followed, direct] = [
      await alice.api.get(href),
      await alice.api.get(href.replace('/v1/', '/api/v1/')),
    ];
    expect(followed.status).toBe(200);
    expect(followed.body).toEqual(direct.body);
    expect((await fetch(href)).status).toBe(401);
    const list = await alice.api.get('/v1/users?limit=1');
    expect(list.body.links.next.href).toContain('/api/v1/users?');
    expect((await alice.api.put('/v1/users/me')).status).toBe(405);
    for (const path of ['/v1', '/v1/', '/v1/nowhere', '/V1/users/me', '/v1//users/me', '/v10/users/me']) {
      expect((await alice.api.get(path)).status, path).toBe(404);
    }
    // As a client sends it that treats the server as a proxy.
    for (const door of ['/v1', '/api/v1']) {
      const { status, text } = await askedAsProxy(`${server.url}${door}/users?limit=1`, alice.key);
      expect(status, door).toBe(200);
      expect(JSON.parse(text).links.next.href).toMatch(`${server.url}/api/v1/users?`);
    }
    expect((await alice.api.delete(href)).status).toBe(204);
    // One route in metrics and logs.
    const metrics = await apiClient(server.url, server.adminKey).get('/metrics');
    expect(metrics.text).toContain('/api/v1/data-connections/:qID');
    expect(metrics.text).not.toMatch(/["\s]\/v1\//);
  });

  it('answers with createdAt and updatedAt, and with links below the same path', async () => {
    const made = await create('one');
    expect(made.status).toBe(201);
    const self = `${server.url}${connections}/${made.body.qID}`;
    expect(made.body).toMatchObject({
      createdAt: made.body.created,
      updatedAt: made.body.updated,
      links: { self: { href: self } },
    });
    const read = await alice.api.get(self);
    expect(read.body).toMatchObject({ qID: made.body.qID, links: { self: { href: self } } });
    const older = await alice.api.get(`/api/v1/data-connections/${made.body.qID}`);
    expect(read.body).toEqual({ ...older.body, links: read.body.links });

    const credential = await alice.api.get(`/api/connectivity/data-credentials/${made.body.qCredentialsID}`);
    expect(credential.body.createdAt).toBe(credential.body.created);
    expect((await alice.api.get(credential.body.links.self.href)).body.qName).toBe('of one');
    const list = await alice.api.get('/api/connectivity/data-credentials');
    expect(list.body.data[0].createdAt).toBe(credential.body.created);
    expect((await alice.api.delete(self)).status).toBe(204);
    const orphans = await alice.api.post('/api/connectivity/data-credentials/actions/filter-orphan');
    expect(orphans.body.data[0].createdAt).toBe(credential.body.created);

    const sources = await alice.api.get('/api/connectivity/data-sources?dataSourceId=rest');
    expect(sources.body.updatedAt).toMatch(/Z$/);
  });

  it('does not change the documented members below /api/v1', async () => {
    await create('exact');
    const credential = await alice.api.get('/api/v1/data-credentials/of%20exact?byCredentialName=true');
    expect(credential.body).not.toHaveProperty('createdAt');
    expect(credential.body.links.self.href).toBe(`${server.url}/v1/data-credentials/${credential.body.qID}`);
  });

  it('pages with links that can be fetched as they are', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(`page ${name}`);
    const first = await alice.api.get(`${connections}?limit=2&sort=%2BqName&filter=qName%20sw%20%22page%22`);
    const second = await alice.api.get(first.body.links.next.href);
    const back = await alice.api.get(second.body.links.prev.href);
    expect(first.body.links.next.href.startsWith(`${server.url}${connections}?`)).toBe(true);
    const names = (answer: typeof first) => answer.body.data.map((one: { qName: string }) => one.qName);
    expect([names(first), names(second)]).toEqual([
      ['page a', 'page b'],
      ['page c', 'page d'],
    ]);
    expect(names(back)).toEqual(names(first));
    for (const one of first.body.data) expect((await alice.api.get(one.links.self.href)).status).toBe(200);
  });

  it('gives the same errors', async () => {
    const unknown = `${connections}/00000000-0000-4000-8000-000000000000`;
    expect((await alice.api.get(unknown)).body.errors[0].code).toBe('NOT-FOUND');
    expect((await alice.api.get(`${connections}/x`)).status).toBe(400);
    expect((await create('exact')).status).toBe(409);
  });
});
