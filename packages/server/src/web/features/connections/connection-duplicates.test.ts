import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPerson, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const door = '/api/v1/data-connections';
const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';
const actionOf = (html: string): string => /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '';

describe('a copy of a connection with an embedded sign-in', () => {
  let lab: LabAuthorizationServer;
  let source: LoopbackServer;
  let server: TestServer;
  let alice: TestPerson;
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
    server = await startServer();
    alice = await addPerson(server.url, server.adminKey, 'alice');
    const properties = {
      ...{ url: source.url, authSchema: 'oauth2', issuer: lab.issuer, scope: 'openid read' },
      ...lab.client,
    };
    const body = { datasourceID: 'rest', qName: 'original' };
    const begun = await alice.api.post(door, {
      ...{ ...body, authUrlOnly: true, connectionProperties: properties },
    });
    const authCode = codeOf((await walk(begun.body.authUrl)).html);
    const made = await alice.api.post(door, { ...body, connectionProperties: { ...properties, authCode } });
    expect(made.status, made.text).toBe(201);
    original = made.body.qID;
  });
  afterAll(async () => {
    await server.close();
    await source.close();
    await lab.close();
  });

  const walk = (authUrl: string) => {
    lab.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
    const { login, password } = lab.users[0];
    return walkSignIn({ authUrl, login, password });
  };
  const read = (id: string, { api } = alice) =>
    api.post(`${door}/${id}/actions/read`, { path: [] }, { accept: 'application/x-ndjson' });
  const copy = async ({ api } = alice): Promise<string> => {
    const made = await api.post(`${door}/actions/duplicate`, { id: original });
    expect(made.status, made.text).toBe(201);
    return made.body.qID;
  };

  it('LI22: says that it needs a sign-in, hands out the link, and works after one click of the same account', async () => {
    const id = await copy();
    expect((await alice.api.get(`${door}/${id}/credential`)).body.state).toBe('needs_sign_in');
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

  it('LI22: begins the sign-in when asked to, and takes its code where the connection is changed', async () => {
    const id = await copy();
    const begun = await alice.api.put(`${door}/${id}/credential`, { authUrlOnly: true });
    expect(begun.status, begun.text).toBe(200);
    const code = codeOf((await walk(begun.body.authUrl)).html);
    const changed = await alice.api.patch(`${door}/${id}`, [], { 'qlik-auth-code': code });
    expect(changed.status, changed.text).toBe(204);
    expect((await read(id)).text).toContain('alice');
  });
});
