import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const path = '/api/v1/data-connections';
const logins = {
  leaver: { username: 'leaver', password: 'canary-of-a-leaver-7310' },
  chief: { username: 'chief', password: 'canary-of-the-chief-2298' },
};

describe('TR5: the owner of an embedded connection leaves', () => {
  let server: TestServer;
  let source: LoopbackServer;
  let admin: ApiClient;
  let chief: TestUser;
  let facilitator: TestUser;
  let member: TestUser;
  let leaver: TestUser;
  let spaceId: string;
  let made: { qID: string; qName: string };
  let users: string[] = [];
  let count = 0;

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (request, response) => {
      const pair = Buffer.from(
        (request.headers.authorization ?? '').replace('Basic ', ''),
        'base64',
      ).toString();
      users.push(pair.split(':')[0] ?? '');
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"a":1}]');
    });
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    chief = await addUser(server.url, server.adminKey, 'chief');
    facilitator = await addUser(server.url, server.adminKey, 'facilitator');
    member = await addUser(server.url, server.adminKey, 'member');
    spaceId = (await chief.api.post('/api/v1/spaces', { name: 'Team', type: 'shared' })).body.id;
    await join(facilitator, 'facilitator');
    await join(member, 'producer');
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });
  const join = (person: TestUser, role: string) =>
    chief.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      ...{ type: 'user', assigneeId: person.id, roles: [role] },
    });
  const disable = (person: TestUser) =>
    admin.patch(`/api/v1/users/${person.id}`, [{ op: 'replace', path: '/status', value: 'disabled' }]);

  beforeEach(async () => {
    users = [];
    count += 1;
    leaver = await addUser(server.url, server.adminKey, `leaver ${count}`);
    await join(leaver, 'producer');
    const answer = await leaver.api.post(path, {
      ...{ datasourceID: 'rest', qName: `left ${count}`, space: spaceId },
      connectionProperties: { url: `${source.url}/items`, authSchema: 'basic', ...logins.leaver },
    });
    expect(answer.status, answer.text).toBe(201);
    made = answer.body;
  });

  const use = (person: TestUser) => person.api.post(`${path}/${made.qID}/actions/preview`, { path: [] });
  const takeOver = (person: TestUser, login: object = logins.chief) =>
    person.api.patch(`${path}/${made.qID}`, [
      { op: 'replace', path: '/user', value: person.id },
      ...Object.entries(login).map(([name, value]) => ({
        ...{ op: 'add', path: `/connectionProperties/${name}`, value },
      })),
    ]);
  const seen = async (person: TestUser) => {
    const one = await person.api.get(`${path}/${made.qID}`);
    const all = await person.api.get(path);
    const listed = all.body.data.find(({ qID }: { qID: string }) => qID === made.qID);
    expect(listed.ownerLeft).toBe(one.body.ownerLeft);
    return one.body.ownerLeft;
  };

  it.each([
    ['the owner of the space', () => chief],
    ['a facilitator', () => facilitator],
  ])('%s sees that the owner has left, and takes over by entering the secret again', async (_what, who) => {
    expect(await seen(who())).toBeUndefined();
    expect((await takeOver(who())).status).toBe(403);
    expect((await disable(leaver)).status).toBe(204);
    expect(await seen(who())).toBe(true);
    const refused = await use(who());
    expect(refused.body.errors[0], refused.text).toMatchObject({
      ...{ code: 'CREDENTIALS-REQUIRED', meta: { reason: 'missing', ownerLeft: true } },
      detail: expect.stringMatching(/has left.*PATCH \/user/),
    });
    const state = await who().api.get(`${path}/${made.qID}/credential`);
    expect(state.body).toMatchObject({ state: 'missing', ownerLeft: true });
    const half = await takeOver(who(), { username: 'chief' });
    expect(half.status, half.text).toBe(400);
    expect((await takeOver(who(), {})).status).toBe(403);
    expect(users).toEqual([]);
    const taken = await takeOver(who());
    expect(taken.status, taken.text).toBe(204);
    expect((await use(member)).status).toBe(200);
    expect(users).toEqual(['chief']);
    const after = await who().api.get(`${path}/${made.qID}`);
    expect(after.body).toMatchObject({ user: who().id, qName: made.qName });
    expect(await seen(who())).toBeUndefined();
    // The leaver owns nothing any more, so they can be deleted.
    expect((await admin.delete(`/api/v1/users/${leaver.id}`)).status).toBe(204);
  });

  it('no other user may take over, and a takeover changes nothing else', async () => {
    await disable(leaver);
    const refused = await takeOver(member);
    expect(refused.status, refused.text).toBe(403);
    expect((await member.api.get(`${path}/${made.qID}/credential`)).body).not.toHaveProperty('ownerLeft');
    const other = await facilitator.api.patch(`${path}/${made.qID}`, [
      { op: 'replace', path: '/user', value: member.id },
      { op: 'add', path: '/connectionProperties/password', value: logins.chief.password },
      { op: 'add', path: '/connectionProperties/username', value: 'chief' },
    ]);
    expect(other.status).toBe(403);
    for (const more of [
      { path: '/qName', value: 'mine' },
      { path: '/space', value: '' },
    ]) {
      const answer = await facilitator.api.patch(`${path}/${made.qID}`, [
        { op: 'replace', path: '/user', value: facilitator.id },
        { op: 'add', path: '/qUsername', value: 'chief' },
        { op: 'add', path: '/qPassword', value: logins.chief.password },
        { op: 'replace', ...more },
      ]);
      expect(answer.status, more.path).toBe(403);
    }
    expect((await use(facilitator)).status).toBe(403);
    expect(users).toEqual([]);
  });

  it('the owner of a connection whose login another user entered stays its owner', async () => {
    const given = await admin.patch(`${path}/${made.qID}`, [
      ...Object.entries(logins.chief).map(([name, value]) => ({
        ...{ op: 'add', path: `/connectionProperties/${name}`, value },
      })),
    ]);
    expect(given.status, given.text).toBe(204);
    await disable(leaver);
    // The login is the administrator's, and stays in use.
    expect((await use(member)).status).toBe(200);
    expect(await seen(chief)).toBeUndefined();
    expect((await takeOver(facilitator)).status).toBe(403);
    expect((await use(member)).status).toBe(200);
  });

  it.each([
    ['in no space', () => ({}), {}],
    [
      'with separated credentials',
      () => ({ space: spaceId }),
      { separateCredentials: true, credentialsName: 'mine' },
    ],
  ])('a connection %s is taken over by no user', async (what, place, choice) => {
    const boss = await addUser(server.url, server.adminKey, `boss ${count}`, ['TenantAdmin']);
    await join(boss, 'facilitator');
    const properties = { url: `${source.url}/items`, authSchema: 'basic', ...logins.leaver, ...choice };
    const answer = await leaver.api.post(path, {
      ...{ datasourceID: 'rest', qName: `${what} ${count}`, ...place(), connectionProperties: properties },
    });
    expect(answer.status, answer.text).toBe(201);
    made = answer.body;
    await disable(leaver);
    for (const { api } of [boss, facilitator])
      expect((await api.get(`${path}/${made.qID}/credential`)).body).not.toHaveProperty('ownerLeft');
    expect((await takeOver(facilitator)).status).not.toBe(204);
    expect(users).toEqual([]);
  });
});
