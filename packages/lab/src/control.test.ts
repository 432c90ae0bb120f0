import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { namedAnswers } from './authorization-server/named-answers.js';
import { type LabAuthorizationServer, startAuthorizationServer } from './authorization-server.js';
import { type LabControl, startControl } from './control.js';

let good: LabAuthorizationServer;
let other: LabAuthorizationServer;
let control: LabControl;
beforeAll(async () => {
  [good, other] = await Promise.all([startAuthorizationServer(), startAuthorizationServer()]);
  control = await startControl({ good, other });
});
afterAll(async () => {
  await control?.close();
  await Promise.all([good?.close(), other?.close()]);
});
beforeEach(async () => {
  await call('DELETE', '/good/switches');
  await call('DELETE', '/good/counts');
});

async function call(method: string, path: string, body?: unknown, token = control.token) {
  const response = await fetch(control.url + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function machineToken(server = good) {
  const { clientId, clientSecret } = server.machineClient;
  const response = await fetch(server.tokenEndpoint, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  });
  return { status: response.status, text: await response.text(), date: response.headers.get('date') };
}

describe('the control endpoint of the lab', () => {
  it.each(Object.entries(namedAnswers))('lets the token endpoint answer %s', async (name, answer) => {
    const changed = await call('PATCH', '/good/switches', { tokenNext: [{ kind: 'answer', answer: name }] });
    expect(changed.status).toBe(200);
    expect(await machineToken()).toMatchObject({ status: answer.status, text: answer.body });
    expect((await machineToken()).status).toBe(200);
  });

  it('changes what is named, keeps the rest, sets back what is null and tells the state', async () => {
    await call('PATCH', '/good/switches', { tokenDelayMs: 5, rotation: 'lenient' });
    const { body } = await call('PATCH', '/good/switches', {
      tokenDelayMs: null,
      tokenAlways: { kind: 'drop', commit: true },
    });
    expect(body['switches']).toMatchObject({
      tokenDelayMs: 0,
      rotation: 'lenient',
      tokenAlways: { kind: 'drop', commit: true },
    });
    await expect(machineToken()).rejects.toThrow();
    const after = await call('GET', '/good');
    expect(after.body['counts']).toMatchObject({ token: { client_credentials: 1 } });
    expect(await machineToken(other)).toMatchObject({ status: 200 });
  });

  it('forgets tokens and grants as a provider does, and takes new redirects', async () => {
    const { access_token: token } = JSON.parse((await machineToken()).text);
    expect(await good.verifyAccessToken(token)).toMatchObject({ active: true });
    await call('DELETE', '/good/access-tokens');
    expect(await good.verifyAccessToken(token)).toEqual({ active: false });
    expect((await call('DELETE', '/good/grants/alice')).status).toBe(200);
    expect((await call('DELETE', '/good/grants/mallory')).status).toBe(404);
    const uri = 'http://127.0.0.1:1/callback';
    expect((await call('POST', '/good/redirect-uris', { uri })).status).toBe(200);
    const asked = new URLSearchParams({ client_id: good.client.clientId, redirect_uri: uri });
    const page = await fetch(`${good.authorizationEndpoint}?${asked}`, { redirect: 'manual' });
    // The redirect is trusted, so the error goes there and not onto a page.
    expect(page.headers.get('location')).toContain(uri);
  });

  it('lets one server redirect users to another with the parameters that it received', async () => {
    const parameters = { client_id: other.client.clientId };
    const sendOnTo = { authorizationEndpoint: other.authorizationEndpoint, parameters };
    await call('PATCH', '/good/switches', { sendOnTo });
    const asked = new URLSearchParams({ client_id: 'mine', state: 'kept' });
    const page = await fetch(`${good.authorizationEndpoint}?${asked}`, { redirect: 'manual' });
    const target = new URL(page.headers.get('location') ?? '');
    expect(target.href.startsWith(`${other.authorizationEndpoint}?`)).toBe(true);
    expect(Object.fromEntries(target.searchParams)).toEqual({
      client_id: other.client.clientId,
      state: 'kept',
    });
  });

  it('moves the clock that its answers tell', async () => {
    await call('PATCH', '/good/switches', { clockSkewSeconds: -3600 });
    const { date } = await machineToken();
    const behindSeconds = (Date.now() - Date.parse(date ?? '')) / 1000;
    expect(Math.round(behindSeconds / 60)).toBe(60);
  });

  it('does nothing without its token', async () => {
    const refused = await call('PATCH', '/good/switches', { rotation: 'off' }, 'guess');
    expect(refused.status).toBe(401);
    expect(good.switches.rotation).toBe('strict');
  });

  it('says what is wrong with a change, and makes none of it', async () => {
    for (const body of [
      { rotation: 'off', tokenDelay: 5 },
      { rotation: 'off', tokenDelayMs: -1 },
      { rotation: 'off', tokenAlways: { kind: 'answer', answer: 'invalid_grantt' } },
      'off',
    ]) {
      const refused = await call('PATCH', '/good/switches', body);
      expect(refused.status).toBe(400);
      expect(refused.body['error']).toMatch(/\w/);
    }
    const misspelt = { revocationAlways: 'server_eror' };
    expect((await call('PATCH', '/good/switches', misspelt)).body['error']).toContain('server_error');
    expect(good.switches.rotation).toBe('strict');
    expect((await call('PATCH', '/good/nothing', {})).status).toBe(404);
    expect((await call('GET', '/constructor')).status).toBe(404);
    expect((await call('GET', '/%E0%A4%A')).status).toBe(400);
  });
});
