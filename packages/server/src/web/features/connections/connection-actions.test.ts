import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser } from '../../../testing/api-client.js';
import { connectionStandOfFile, database, login } from './__fixtures__/connection-stand.js';

const path = '/api/v1/data-connections';
const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';
const actionOf = (html: string): string => /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '';

const file = connectionStandOfFile();

describe('bulk updates and deletes', () => {
  it('answers 207 with one result per connection, for administrators only', async () => {
    const { admin, alice, bob, create, get } = file.stand;
    const [first, second] = [await create(), await create()];
    const unknown = '00000000-0000-4000-8000-000000000000';
    const body = {
      connections: [
        { id: first.qID, name: 'bulk name', ownerId: bob.id },
        { id: unknown },
        { id: second.qID, spaceId: '', ownerId: bob.id },
      ],
    };
    expect((await alice.api.post('/api/v1/data-connections/actions/update', body)).status).toBe(403);
    const answer = await admin.post('/api/v1/data-connections/actions/update', body);
    expect(answer.status).toBe(207);
    expect(answer.body.data.map((item: { status: number }) => item.status)).toEqual([204, 404, 204]);
    expect(answer.body.data[1].error.code).toBe('NOT-FOUND');
    expect(await get(first.qID, bob)).toMatchObject({ qName: 'bulk name', user: bob.id });
    expect(await get(second.qID, bob)).not.toHaveProperty('space');
  });

  it('US1: answers 400 for an item with members that it cannot update, and ignores unknown ones', async () => {
    const { admin, create, get } = file.stand;
    const made = await create();
    const item = async (more: object) =>
      (await admin.post(`${path}/actions/update`, { connections: [{ id: made.qID, ...more }] })).body.data[0];
    for (const more of [{ tags: ['a'] }, { qCredentialsID: made.qID }, { connectionProperties: {} }])
      expect(await item({ name: `not so ${file.count}`, ...more })).toMatchObject({
        status: 400,
        error: {
          detail: `${Object.keys(more)[0]}: cannot be changed for many connections at once: PATCH each`,
        },
      });
    expect((await item({ qName: 'x' })).error.detail).toBe('qName: is called name here');
    expect(await item({ name: `so ${file.count}`, comment: 'x' })).toMatchObject({ status: 204 });
    expect(await get(made.qID)).toMatchObject({ qName: `so ${file.count}` });
  });

  it('QL5: a new owner must be able to see the connection in its new space; spaceType must match the space', async () => {
    const { server, admin, alice, spaceId, create, get } = file.stand;
    const made = await create();
    const stranger = await addUser(server.url, server.adminKey, `stranger ${file.count}`);
    const item = async (more: object) =>
      (await admin.post(`${path}/actions/update`, { connections: [{ id: made.qID, ...more }] })).body.data[0];
    const refused = await item({ ownerId: stranger.id });
    expect(refused).toMatchObject({ status: 403, error: { code: 'ACCESS-DENIED' } });
    expect(refused.error.detail).toMatch(/^ownerId: this user has no role in the space/);
    const patched = await admin.patch(`/api/v1/data-connections/${made.qID}`, [
      { op: 'replace', path: '/user', value: stranger.id },
    ]);
    expect(patched.status).toBe(403);
    expect((await get(made.qID)).user).toBe(alice.id);
    expect((await item({ spaceId, spaceType: 'managed' })).error.detail).toBe(
      'spaceType: is managed, and the space is shared',
    );
    expect(await item({ spaceId, spaceType: 'shared' })).toMatchObject({ status: 204 });
    const moved = await item({ spaceId: '', spaceType: 'personal', ownerId: stranger.id });
    expect(moved, JSON.stringify(moved)).toMatchObject({ status: 204 });
    expect((await get(made.qID, stranger)).user).toBe(stranger.id);
  });

  it('gives no credential to a new owner', async () => {
    const { admin, bob, create, get, state } = file.stand;
    const made = await create();
    await admin.post('/api/v1/data-connections/actions/update', {
      connections: [{ id: made.qID, ownerId: bob.id }],
    });
    expect(await get(made.qID, bob)).not.toHaveProperty('qCredentialsID');
    expect(await state(made.qID, bob)).toBe('needs_confirmation');
    const use = await bob.api.post(`/api/v1/data-connections/${made.qID}/actions/preview`, {
      path: ['a', 'b'],
    });
    expect(use.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_confirmation' },
    });
  });

  it('deletes several connections', async () => {
    const { admin, alice, create } = file.stand;
    const [first, second] = [await create(), await create()];
    const connections = [{ id: first.qID }, { id: second.qID }, { id: first.qID }];
    const answer = await admin.post('/api/v1/data-connections/actions/delete', { connections });
    expect(answer.body.data.map((item: { status: number }) => item.status)).toEqual([204, 204, 404]);
    expect((await alice.api.get(`/api/v1/data-connections/${first.qID}`)).status).toBe(404);
  });
});

describe('duplicates', () => {
  const duplicate = (body: object, person = file.stand.alice) =>
    person.api.post('/api/v1/data-connections/actions/duplicate', body);

  it('numbers the copies, and copies an embedded credential only for the user who entered it', async () => {
    const { bob, spaceId, create, state } = file.stand;
    const made = await create();
    const copy = await duplicate({ id: made.qID });
    expect(copy.status, copy.text).toBe(201);
    expect(copy.body).toMatchObject({ qName: `${made.qName} (1)`, space: spaceId });
    expect(copy.body.qCredentialsID).not.toBe(made.qCredentialsID);
    expect((await duplicate({ id: made.qID })).body.qName).toBe(`${made.qName} (2)`);
    expect(await state(copy.body.qID)).toBe('ready');
    const ofBob = await duplicate({ id: made.qID, spaceId: '' }, bob);
    expect(ofBob.status).toBe(201);
    expect(ofBob.body).not.toHaveProperty('qCredentialsID');
    expect(ofBob.body).not.toHaveProperty('space');
    const withLogin = await duplicate(
      { id: made.qID, name: `with login ${file.count}`, spaceId: '', qUsername: 'bob', qPassword: 'p' },
      bob,
    );
    expect(await state(withLogin.body.qID, bob)).toBe('ready');
  });

  it("copies the caller's own link of a separated connection", async () => {
    const { bob, separated } = file.stand;
    const made = await separated();
    expect((await duplicate({ id: made.qID })).body.qCredentialsID).toBe(made.qCredentialsID);
    expect((await duplicate({ id: made.qID }, bob)).body).not.toHaveProperty('qCredentialsID');
    expect((await duplicate({ id: '00000000-0000-4000-8000-000000000000' })).status).toBe(404);
    expect((await duplicate({ id: made.qID, name: made.qName })).status).toBe(409);
  });

  it('SU12: cuts the name of a copy between characters', async () => {
    const { alice, spaceId, get } = file.stand;
    const qName = `a${'\u{1f600}'.repeat(127)}`;
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'postgres', qName, space: spaceId },
      connectionProperties: { ...database, ...login },
    });
    const copy = await alice.api.post('/api/v1/data-connections/actions/duplicate', { id: made.body.qID });
    expect(copy.status, copy.text).toBe(201);
    expect(copy.body.qName).toBe(`a${'\u{1f600}'.repeat(123)} (1)`);
    expect((await get(copy.body.qID)).qName).toBe(copy.body.qName);
  });
});

describe('a copy of a connection with an embedded sign-in', () => {
  let lab: LabAuthorizationServer;
  let source: LoopbackServer;
  let original: string;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    source = await listenOnLoopback(0, () => async (request, response) => {
      const { sub } = await lab.verifyAccessToken(
        (request.headers.authorization ?? '').replace('Bearer ', ''),
      );
      response.writeHead(sub ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(sub ? [{ sub }] : { error: 'no' }));
    });
    const { alice } = file.stand;
    const properties = {
      ...{ url: source.url, authSchema: 'oauth2', issuer: lab.issuer, scope: 'openid read' },
      ...lab.client,
    };
    const body = { datasourceID: 'rest', qName: 'original' };
    const begun = await alice.api.post(path, {
      ...{ ...body, authUrlOnly: true, connectionProperties: properties },
    });
    const authCode = codeOf((await walk(begun.body.authUrl)).html);
    const made = await alice.api.post(path, { ...body, connectionProperties: { ...properties, authCode } });
    expect(made.status, made.text).toBe(201);
    original = made.body.qID;
  });
  afterAll(async () => {
    await source.close();
    await lab.close();
  });

  const walk = (authUrl: string) => {
    lab.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
    const { login, password } = lab.users[0];
    return walkSignIn({ authUrl, login, password });
  };
  const read = (id: string) =>
    file.stand.alice.api.post(`${path}/${id}/actions/read`, { path: [] }, { accept: 'application/x-ndjson' });
  const copy = async (): Promise<string> => {
    const made = await file.stand.alice.api.post(`${path}/actions/duplicate`, { id: original });
    expect(made.status, made.text).toBe(201);
    return made.body.qID;
  };

  it('LI22: needs a sign-in, answers with its link, and works after one click of the same account', async () => {
    const { server, alice } = file.stand;
    const id = await copy();
    expect((await alice.api.get(`${path}/${id}/credential`)).body.state).toBe('needs_sign_in');
    const refused = await read(id);
    expect([refused.status, refused.body.errors[0].meta.reason]).toEqual([403, 'needs_sign_in']);
    const page = await walk(refused.body.errors[0].meta.signIn.authUrl);
    const pressed = await fetch(new URL(actionOf(page.html), server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ticket: codeOf(page.html) }),
    });
    expect(pressed.status).toBe(200);
    expect((await read(id)).text).toContain('alice');
    expect((await read(original)).text).toContain('alice');
  });

  it('LI22: begins the sign-in on request, and accepts its code in a PATCH of the connection', async () => {
    const { alice } = file.stand;
    const id = await copy();
    const begun = await alice.api.put(`${path}/${id}/credential`, { authUrlOnly: true });
    expect(begun.status, begun.text).toBe(200);
    const code = codeOf((await walk(begun.body.authUrl)).html);
    const changed = await alice.api.patch(`${path}/${id}`, [], { 'qlik-auth-code': code });
    expect(changed.status, changed.text).toBe(204);
    expect((await read(id)).text).toContain('alice');
  });
});
