import { allRoutes } from '@mooring/contract/all-routes';
import { findFreePort } from '@mooring/lab/free-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { rawClient, untilClosed } from './__fixtures__/raw-client.js';

let server: TestServer;
let alice: TestUser;
beforeAll(async () => {
  server = await startServer();
  alice = await addUser(server.url, server.adminKey, 'alice');
});
afterAll(() => server.close());
const { ask, dial } = rawClient(() => server.url);
const authorised = () => ({ authorization: `Bearer ${alice.key}` });
const concrete = (path: string) => path.replace(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000');

describe('every answer', () => {
  const paths = [
    ...allRoutes.map(({ method, path }) => [method, concrete(path)] as const),
    ...['GET', 'POST', 'OPTIONS', 'HEAD', 'TRACE'].map((method) => [method, '/nowhere'] as const),
    ...['/docs', '/docs/static/index.html', '/oauth/callback/google?code=x&state=y'].map(
      (path) => ['GET', path] as const,
    ),
  ];
  const origins = [
    'https://evil.example',
    'null',
    'http://127.0.0.1',
    'http://127.0.0.1.evil.example',
    'https://evil-127.0.0.1',
  ];

  it('W04, W05, W06, W07: carries the security headers, allows no other origin and sets no cookie', async () => {
    for (const [method, path] of paths) {
      for (const headers of [{}, authorised()]) {
        const answer = await ask(method, path, { ...headers, origin: origins[0] ?? '' });
        const what = `${method} ${path} ${answer.status}`;
        const { headers: given } = answer;
        expect(given['x-content-type-options'], what).toBe('nosniff');
        expect(given['referrer-policy'], what).toBe('no-referrer');
        expect(given['cross-origin-opener-policy'], what).toBe('same-origin');
        expect(given['cross-origin-resource-policy'], what).toBe('same-origin');
        expect(given['x-frame-options'], what).toBe('DENY');
        expect(given['permissions-policy'], what).toContain('camera=()');
        expect(String(given['content-security-policy']), what).toMatch(
          /default-src 'none'.*frame-ancestors 'none'/,
        );
        expect(String(given['content-security-policy']), what).not.toMatch(/unsafe-/);
        if (!path.startsWith('/docs')) expect(given['cache-control'], what).toBe('no-store');
        expect(given['set-cookie'], what).toBeUndefined();
        expect(
          Object.keys(given).filter((name) => name.startsWith('access-control')),
          what,
        ).toEqual([]);
        // HSTS has no effect over http, by which this server is reached.
        expect(given['strict-transport-security'], what).toBeUndefined();
      }
    }
  });

  it('W04: allows no other origin, however it is spelled, in a preflight or a request', async () => {
    const before = (await alice.api.get('/api/v1/data-connections')).text;
    for (const origin of [...origins, server.url, `${server.url}.evil.example`]) {
      for (const { method, path } of allRoutes) {
        const preflight = await ask('OPTIONS', concrete(path), {
          origin,
          'access-control-request-method': method,
          'access-control-request-headers': 'authorization,content-type',
        });
        expect([path, preflight.status]).toEqual([path, 405]);
        expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual(
          [],
        );
        expect(preflight.text).not.toContain('evil');
      }
    }
    expect((await alice.api.get('/api/v1/data-connections')).text).toBe(before);
  });

  it('W06: sends HSTS where the public URL is https', async () => {
    const port = await findFreePort();
    const environment = { MOORING_PUBLIC_URL: 'https://mooring.example' };
    const secure = await startServer({ environment, port });
    for (const path of ['/healthz', '/nowhere', '/docs/static/swagger-ui.css']) {
      const { headers } = await fetch(`http://127.0.0.1:${port}${path}`);
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    }
    await secure.close();
  });
});

describe('methods and paths', () => {
  it('W19: TRACE, CONNECT and unknown verbs do nothing and echo nothing', async () => {
    for (const { path } of allRoutes) {
      const traced = await ask('TRACE', concrete(path), { ...authorised(), 'x-secret': 'canary-of-trace' });
      expect([path, traced.status]).toEqual([path, 405]);
      expect(traced.text).not.toMatch(/canary-of-trace|mrg_/);
    }
    for (const verb of ['CONNECT', 'PROPFIND', 'SEARCH', 'PURGE', 'LINK', 'NONSENSE', 'get', 'G\u0000T']) {
      const socket = dial();
      socket.write(
        `${verb} /api/v1/users/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${alice.key}\r\nconnection: close\r\n\r\n`,
      );
      const { text } = await untilClosed(socket);
      expect([verb, /^HTTP\/1\.1 (400|404|405|501) |^$/.test(text)]).toEqual([verb, true]);
      expect(text).not.toContain(alice.id);
    }
  });

  it('W19: no header or parameter turns one method into another', async () => {
    const space = (await alice.api.post('/api/v1/spaces', { name: 'Stays', type: 'shared' })).body.id;
    const path = `/api/v1/spaces/${space}`;
    for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method', '_method']) {
      expect((await ask('GET', path, { ...authorised(), [name]: 'DELETE' })).status).toBe(200);
      const posted = await ask('POST', `${path}?_method=DELETE`, { ...authorised(), [name]: 'DELETE' });
      expect(posted.status).toBe(405);
      expect(String(posted.headers['allow'])).toContain('DELETE');
    }
    expect((await alice.api.get(path)).status).toBe(200);
  });

  it('W24: serves no file that is not a page of the product', async () => {
    const files = [
      '/.git/config',
      '/.env',
      '/package.json',
      '/server.js.map',
      '/docs/.env',
      '/docs/static/',
      '/docs/static/swagger-ui.js.map',
      '/docs/static/../../package.json',
      '/docs/static/..%2f..%2fpackage.json',
      '/docs/static/%2e%2e/%2e%2e/package.json',
      '/docs/static/..\\..\\package.json',
      '/docs/static//etc/passwd',
      '/docs/static/%00',
      '/mooring-data/master.key',
      '/master.key',
      '/mooring.db',
      '/favicon.ico',
      '/robots.txt',
    ];
    for (const path of files) {
      const answer = await ask('GET', path, authorised());
      expect([path, [400, 404].includes(answer.status)]).toEqual([path, true]);
      expect(answer.text).not.toMatch(/root:|"dependencies"|Index of|sourcesContent/);
    }
    expect((await ask('GET', '/docs/static/swagger-ui.css')).status).toBe(200);
  });
});
