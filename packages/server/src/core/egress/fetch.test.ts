import { afterEach, describe, expect, it, vi } from 'vitest';
import { rejectionOf, startCanary } from './__fixtures__/canary.js';
import { buildGate, startHttp } from './__fixtures__/http-servers.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('fetch sends', () => {
  it('the method, path, query, headers and body it was given', async () => {
    let received = '';
    await using server = await startHttp((request, response) => {
      request.setEncoding('utf8').on('data', (text) => {
        received += text;
      });
      request.on('end', () => response.setHeader('x-answer', 'yes').end('done'));
    });
    const response = await buildGate().fetch(`${server.url}/a/b?c=%20d#hash`, {
      method: 'post',
      headers: { 'content-type': 'text/plain', authorization: 'Bearer abc' },
      body: 'hällo',
    });
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-answer')).toBe('yes');
    expect(await response.text()).toBe('done');
    expect(received).toBe('hällo');
    expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/a/b?c=%20d' });
  });

  it('no header beyond those given and what HTTP requires (rule 22)', async () => {
    await using server = await startHttp((_request, response) => response.end());
    await (await buildGate().fetch(server.url, { headers: { 'X-One': '1' } })).text();
    expect(server.seen[0]?.rawHeaders).toEqual([
      'host',
      `127.0.0.1:${server.port}`,
      'connection',
      'close',
      'X-One',
      '1',
    ]);
  });

  it('each request over a connection of its own', async () => {
    await using server = await startHttp((request, response) =>
      response.end(String(request.socket.remotePort)),
    );
    const gate = buildGate();
    const ports = [await gate.fetch(server.url), await gate.fetch(server.url)].map((response) =>
      response.text(),
    );
    expect(new Set(await Promise.all(ports)).size).toBe(2);
    expect(gate.counts().connected).toBe(2);
  });

  it.each([
    ['Host', 'internal.example.test'],
    ['Connection', 'keep-alive'],
    ['Transfer-Encoding', 'chunked'],
    ['Proxy-Authorization', 'Basic eDp5'],
    ['Upgrade', 'h2c'],
    ['x-a', 'b\r\nx-evil: 1'],
    ['x-a\r\nx-evil', '1'],
    ['content-length', '7'],
  ])('D21: nothing at all when a header is %j: %j', async (name, value) => {
    await using server = await startHttp((_request, response) => response.end());
    const error = await rejectionOf(
      buildGate().fetch(server.url, { method: 'POST', headers: { [name]: value } }),
    );
    expect(error).toMatchObject({ kind: 'invalid_config' });
    expect(server.seen).toHaveLength(0);
  });

  it.each(['GET / HTTP/1.1\r\nx: y', 'CONNECT', ''])('D21: nothing when the method is %j', async (method) => {
    await using server = await startHttp((_request, response) => response.end());
    expect(await rejectionOf(buildGate().fetch(server.url, { method }))).toMatchObject({
      kind: 'invalid_config',
    });
    expect(server.seen).toHaveLength(0);
  });
});

describe('fetch goes', () => {
  it.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT/',
    'ftp://127.0.0.1:PORT/',
    'data:text/plain,hello',
    'unix:/var/run/docker.sock',
    'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
    'jar:http://127.0.0.1:PORT!/',
    'blob:http://127.0.0.1:PORT/1',
    'ws://127.0.0.1:PORT/',
    'javascript:1',
    '//127.0.0.1:PORT/',
    '/relative',
    '',
    'http://user@127.0.0.1:PORT/',
    'http://user:secret@127.0.0.1:PORT/',
    'http://:secret@127.0.0.1:PORT/',
    'http://127.0.0.1:99999/',
    'http://127.0.0.1:PORT%00/',
    'http://%00:PORT/',
    'http://unix:/var/run/docker.sock:/',
  ])('S07: nowhere for %s', async (template) => {
    await using canary = await startCanary();
    const url = template.replace('PORT', String(canary.port));
    const error = await rejectionOf(buildGate({ lookup: async () => ['127.0.0.1'] }).fetch(url));
    const isName = url.startsWith('http://unix:/');
    expect(error).toMatchObject({ kind: isName ? 'unreachable' : 'egress_refused' });
    expect(canary.connections()).toBe(0);
  });

  it.each([301, 302, 303, 307, 308])('S03: no further than a %d, which it returns', async (status) => {
    await using canary = await startCanary();
    for (const location of [`http://127.0.0.1:${canary.port}/`, `//127.0.0.1:${canary.port}/`, '/again']) {
      await using server = await startHttp((_request, response) =>
        response.writeHead(status, { location }).end('moved'),
      );
      const response = await buildGate().fetch(server.url, { headers: { authorization: 'Bearer abc' } });
      expect(response.status).toBe(status);
      expect(response.headers.get('location')).toBe(location);
      expect(await response.text()).toBe('moved');
      expect(server.seen).toHaveLength(1);
    }
    expect(canary.connections()).toBe(0);
  });

  it('S11: past the proxies of the environment, straight to the target', async () => {
    await using proxy = await startCanary();
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy']) {
      vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
    }
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    vi.stubEnv('NO_PROXY', '');
    await using server = await startHttp((_request, response) => response.end('direct'));
    expect(await (await buildGate().fetch(server.url)).text()).toBe('direct');
    expect(await rejectionOf(buildGate().fetch('http://10.0.0.1/'))).toMatchObject({
      kind: 'egress_refused',
    });
    expect(proxy.connections()).toBe(0);
  });

  it('S04: to the checked address, under the name of the URL', async () => {
    await using server = await startHttp((_request, response) => response.end('here'));
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    const gate = buildGate({ lookup: async () => answers.shift() ?? [] });
    const url = `http://Name.example.test:${server.port}/`;
    expect(await (await gate.fetch(url)).text()).toBe('here');
    expect(server.seen[0]?.headers.host).toBe(`name.example.test:${server.port}`);
    expect(await rejectionOf(gate.fetch(url))).toMatchObject({ kind: 'egress_refused' });
  });
});
