import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { findFreePort } from '@mooring/lab/free-port';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addUser, apiClient } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

/** A proxy in front of the server, as operators run one; its target is set afterwards. */
async function startProxy(keepsHeaders = true) {
  let target = '';
  const server: Server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers };
    if (!keepsHeaders) delete headers['mooring-echo'];
    const { hostname, port } = new URL(target);
    const onward = httpRequest(
      { hostname, port, path: incoming.url, method: incoming.method, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo(url: string) {
      target = url;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('the self-check', () => {
  let lab: LabAuthorizationServer;
  const open: { close(): unknown }[] = [];
  beforeAll(async () => {
    lab = await startAuthorizationServer();
  });
  afterAll(() => lab.close());
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close();
  });

  const start = async (options: Parameters<typeof startServer>[0]): Promise<TestServer> => {
    const server = await startServer(options);
    open.push(server);
    return server;
  };
  const proxy = async (keepsHeaders = true) => {
    const started = await startProxy(keepsHeaders);
    open.push(started);
    return started;
  };
  /** Where the process really listens: its ready line says the public URL. */
  const report = async (server: TestServer) =>
    (await apiClient(server.url, server.adminKey).get('/api/v1/self-check')).body;
  const client = (more: object = {}) => ({
    oauth: { clients: { google: { ...lab.client, issuer: lab.issuer, ...more } } },
  });
  const behind = async (url: string) => {
    const port = await findFreePort();
    const server = await start({
      environment: { MOORING_PUBLIC_URL: url },
      configuration: client(),
      port,
    });
    return { server, inside: `http://127.0.0.1:${port}` };
  };

  it('distinguishes a proxy that leads here from one that drops headers, leads elsewhere, or leads nowhere', async () => {
    const good = await proxy();
    const here = await behind(good.url);
    good.leadTo(here.inside);
    expect((await report(here.server)).publicUrl).toMatchObject({ url: good.url, state: 'reached' });
    expect((await report(here.server)).publicUrl).not.toHaveProperty('remedy');

    const other = await start({});
    good.leadTo(other.url);
    const ask = apiClient(here.inside, here.server.adminKey);
    const state = async () => (await ask.get('/api/v1/self-check')).body.publicUrl;
    expect(await state()).toMatchObject({ state: 'other-process', remedy: expect.any(String) });
    good.leadTo(lab.url);
    expect(await state()).toMatchObject({ state: 'elsewhere', remedy: expect.any(String) });
    good.close();
    expect(await state()).toMatchObject({ state: 'unreachable', remedy: expect.any(String) });
  });

  it('a proxy that drops the header is reported', async () => {
    const eating = await proxy(false);
    const here = await behind(eating.url);
    eating.leadTo(here.inside);
    const { publicUrl } = await report(here.server);
    expect(publicUrl).toMatchObject({ state: 'elsewhere' });
    expect(publicUrl.remedy).toContain('mooring-echo');
  });

  it('says which redirect to register and where, and sees when it has been', async () => {
    const server = await start({ configuration: client() });
    const redirectUri = `${server.url}/oauth/callback/google`;
    const [before] = (await report(server)).clients;
    expect(before).toMatchObject({ provider: 'google', redirectUri, state: 'refused' });
    expect(before.remedy).toContain(redirectUri);
    expect(before.documentation).toMatch(/^https:/);
    lab.addRedirectUri(redirectUri);
    const [after] = (await report(server)).clients;
    expect(after).toMatchObject({ state: 'accepted' });
    expect(after).not.toHaveProperty('remedy');
  });

  it('warns at the start with the remedy, and starts all the same', async () => {
    const server = await start({ configuration: client() });
    await expect.poll(() => server.logText()).toContain('Register http');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(server.logText()).not.toContain(lab.client.clientSecret);
  });

  it('names providers that do not answer', async () => {
    const server = await start({
      configuration: {
        oauth: {
          clients: {
            google: { clientId: 'x', issuer: 'http://127.0.0.1:9' },
          },
        },
      },
    });
    const { clients } = await report(server);
    expect(clients).toMatchObject([{ provider: 'google', state: 'unreachable', remedy: expect.any(String) }]);
  });

  it('is for administrators', async () => {
    const server = await start({});
    const person = await addUser(server.url, server.adminKey, 'person');
    expect((await person.api.get('/api/v1/self-check')).status).toBe(403);
    expect((await apiClient(server.url, undefined).get('/api/v1/self-check')).status).toBe(401);
  });

  it('the echo identifies a process and reveals nothing else', async () => {
    const [one, two] = [await start({}), await start({})];
    const echo = async (url: string, text?: string) =>
      (
        await fetch(`${url}/healthz`, text === undefined ? {} : { headers: { 'mooring-echo': text } })
      ).headers.get('mooring-echo');
    expect(await echo(one.url)).toBeNull();
    expect(await echo(one.url, 'a')).toBe(await echo(one.url, 'a'));
    expect(await echo(one.url, 'a')).not.toBe(await echo(one.url, 'b'));
    expect(await echo(one.url, 'a')).not.toBe(await echo(two.url, 'a'));
  });
});
