import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { allRoutes } from '@mooring/contract/all-routes';
import { findFreePort } from '@mooring/lab/free-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPerson, type TestPerson } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

const requestSeconds = 3;
let server: TestServer;
let alice: TestPerson;
beforeAll(async () => {
  server = await startServer({ configuration: { limits: { requestSeconds } } });
  alice = await addPerson(server.url, server.adminKey, 'alice');
});
afterAll(() => server.close());

interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Sends exactly this, without the ideas that `fetch` has about methods, paths and headers. */
function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    sent.on('error', reject).end();
  });
}

function dial(): Socket {
  const { hostname, port } = new URL(server.url);
  return connect(Number(port), hostname).on('error', () => undefined);
}

/** What comes back until the server hangs up, and how long that took. */
async function untilClosed(socket: Socket): Promise<{ text: string; ms: number }> {
  const since = performance.now();
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return { text, ms: performance.now() - since };
}

const bodyOf = (text: string) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
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

  it('W04, W05, W06, W07: carries the headers that browsers heed, allows no other origin and sets no cookie', async () => {
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
        // Only https can keep the promise, and this server is reached by http.
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

  it('W06: tells browsers to insist on https where the public URL is https', async () => {
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

describe('clients that are slow, silent or broken', () => {
  it('W20, W21: broken requests get the form of every error, and the connection ends', async () => {
    const host = 'host: x\r\n';
    const broken: [string, number][] = [
      [`GET / HTTP/1.1\r\n${host}x: ${'y'.repeat(1024 * 1024)}\r\n\r\n`, 431],
      [`GET /${'y'.repeat(100_000)} HTTP/1.1\r\n${host}\r\n`, 431],
      [
        `POST /oauth/token HTTP/1.1\r\n${host}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
        400,
      ],
      [`POST /oauth/token HTTP/1.1\r\n${host}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`, 400],
      [
        `POST /oauth/token HTTP/1.1\r\n${host}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
        400,
      ],
      [`GET / HTTP/1.1\r\n${host}bad header\r\n\r\n`, 400],
      [`GET / HTTP/1.1\r\n${host}x: a\u0000b\r\n\r\n`, 400],
      ['nonsense\r\n\r\n', 400],
      ['\u0016\u0003\u0001\u0002\u0000\u0001', 400],
    ];
    for (const [bytes, status] of broken) {
      const socket = dial();
      socket.write(Buffer.from(bytes, 'latin1'));
      const { text } = await untilClosed(socket);
      const what = bytes.slice(0, 60);
      expect([what, text.split(' ')[1]]).toEqual([what, String(status)]);
      expect(bodyOf(text)).toEqual({
        errors: [expect.objectContaining({ status, code: expect.any(String), title: expect.any(String) })],
        traceId: expect.any(String),
      });
      expect(text).toMatch(/cache-control: no-store/i);
      expect(text).not.toMatch(/HPE_|node:|y{100}/);
    }
  });

  it('W20: slow headers, slow bodies and silent connections time out, and other clients do not wait', async () => {
    const starts: Record<string, (socket: Socket) => void> = {
      silent: () => undefined,
      'slow headers': (socket) => socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n'),
      'slow body': (socket) =>
        socket.write(
          'POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
        ),
    };
    const healthMs = async () => {
      const since = performance.now();
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
      return performance.now() - since;
    };
    const held = Object.entries(starts).map(([kind, start]) => {
      const sockets = Array.from({ length: 300 }, () => {
        const socket = dial();
        // One byte now and then, which is how such clients stay alive.
        socket.once('connect', () => {
          start(socket);
          const drip = setInterval(() => {
            if (kind === 'slow headers') socket.write('x');
            if (kind === 'slow body') socket.write(' ');
          }, 200);
          socket.once('close', () => clearInterval(drip));
        });
        return untilClosed(socket);
      });
      return [kind, Promise.all(sockets)] as const;
    });
    for (let round = 0; round < 20; round += 1) expect(await healthMs()).toBeLessThan(requestSeconds * 1000);
    for (const [kind, closed] of held) {
      for (const { text, ms } of await closed) {
        // Headers have a third of the time; a limit is noticed a twelfth of it later, on a busy machine later still.
        expect([kind, ms < requestSeconds * 3000]).toEqual([kind, true]);
        if (text !== '')
          expect(bodyOf(text).errors[0]).toMatchObject({ code: 'REQUEST-TIMEOUT', status: 408 });
      }
    }
  });

  it('W22: nothing that a request says of itself breaks a line of the log or gets into one', async () => {
    const hostile = ['\u001b[31mred', '{"level":60,"msg":"forged"}', 'x'.repeat(8000), '%0d%0a{"level":60}'];
    for (const value of hostile) {
      await ask('GET', `/nowhere/${encodeURIComponent(value)}`, {
        'user-agent': JSON.stringify(value),
        'x-request-id': JSON.stringify(value),
      });
      await alice.api.post('/api/v1/spaces', {
        name: `${value.slice(0, 200)}\r\n{"level":60}`,
        type: 'shared',
      });
    }
    const lines = server.logText().split('\n').filter(Boolean);
    for (const line of lines) {
      expect(line.length).toBeLessThan(8000);
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), time: expect.any(String) });
    }
    expect(lines.join('\n')).not.toMatch(/forged|\[31m|x{100}/);
  });

  it('W23: metrics have as many series after a thousand names as before, and none names anybody', async () => {
    const series = async () => {
      const { text } = await ask('GET', '/metrics');
      return { count: text.split('\n').filter((line) => line.startsWith('mooring_')).length, text };
    };
    await ask('GET', '/nowhere/warm-up');
    await ask('PURGE', '/api/v1/spaces/warm-up');
    const before = await series();
    for (let index = 0; index < 500; index += 1) {
      await ask('GET', `/canary-path-${index}`);
      await ask('PURGE', `/api/v1/spaces/canary-${index}`);
    }
    const after = await series();
    expect(after.count).toBeLessThanOrEqual(before.count + 20);
    expect(after.text).not.toMatch(/canary|alice|mrg_/);
  });
});
