import { createServer, type OutgoingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failureOf } from '../../suite/bench.js';
import { issues, open, rowsOf } from './test-stand.js';

// What GitHub answers beside rows: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api

async function answering(handler: RequestListener) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`;
  return { url, requests, session: await open(url, 'ghp_canary') };
}

const always = (status: number, body: unknown, headers: OutgoingHttpHeaders = {}) =>
  answering((_request, response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body)),
  );

const message = (text: string) => ({ message: text, documentation_url: 'https://docs.github.com/rest' });
const inSeconds = (seconds: number) => String(Math.ceil(Date.now() / 1000) + seconds);

describe('an answer of github', () => {
  it.each([
    [304, 'protocol_error', '', 'unexpected status'],
    [401, 'auth_failed', message('Bad credentials'), 'Check or renew the credential'],
    [403, 'permission_denied', message('Resource not accessible by personal access token'), 'Grant'],
    [403, 'permission_denied', message('Resource protected by organization SAML enforcement.'), 'Authorize'],
    [403, 'permission_denied', '<html>Forbidden</html>', 'Grant'],
    [404, 'not_found', message('Not Found'), 'may not see'],
    [410, 'not_found', message('Issues are disabled for this repo'), 'no longer exists'],
    [422, 'invalid_config', message('Validation Failed'), 'status 422'],
    [451, 'permission_denied', message('Repository access blocked'), 'legal reasons'],
    [500, 'protocol_error', message('Server Error'), 'Try again later'],
    [502, 'unreachable', '<html>Unicorn!</html>', 'gateway'],
    [503, 'unreachable', '', 'temporarily unavailable'],
  ] as const)('with status %i is %s', async (status, kind, body, told) => {
    const { session, requests } = await always(status, body);
    const error = await failureOf(rowsOf(session, { path: issues }));
    expect(error.kind).toBe(kind);
    expect(`${error.message} ${error.remedy}`).toContain(told);
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['the time that it asks for, rather than the reset', { 'retry-after': '900' }, 900],
    ['the reset, where it asks for no time', {}, 1800],
    ['an hour at most', { 'retry-after': '999999' }, 3600],
  ])('names %s, for a limit', async (_title, headers, expected) => {
    const limit = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(1800) };
    const { session } = await always(403, message('API rate limit exceeded'), { ...limit, ...headers });
    const error = await failureOf(session.ping());
    expect(error.kind).toBe('rate_limited');
    expect(Math.abs((error.retryAfterSeconds ?? 0) - expected)).toBeLessThanOrEqual(2);
  });

  it('with a reset that is not a time is a limit without one, and is not waited for', async () => {
    const limit = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'soon' };
    const { session, requests } = await always(429, message('API rate limit exceeded'), limit);
    const error = await failureOf(rowsOf(session, { path: issues }));
    expect([error.kind, error.retryAfterSeconds, requests.length]).toEqual(['rate_limited', undefined, 1]);
  });

  it('for an empty repository is a list without rows, by 409 and by 204', async () => {
    const empty = await always(409, message('Git Repository is empty.'));
    expect(await rowsOf(empty.session, { path: ['octo/empty', 'commits'] })).toEqual([]);
    const nothing = await answering((_request, response) => response.writeHead(204).end());
    expect(await rowsOf(nothing.session, { path: ['octo/empty', 'contributors'] })).toEqual([]);
    const conflict = await always(409, message('Merge conflict'));
    const error = await failureOf(rowsOf(conflict.session, { path: ['octo/empty', 'commits'] }));
    expect(error.kind).toBe('invalid_config');
  });

  it('that a repository was renamed is followed, and its pages after it', async () => {
    const { session, requests } = await answering((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
      const at = `http://${request.headers.host}/api/v3/repositories/7/issues`;
      if (!pathname.includes('/repositories/'))
        return response.writeHead(301, { location: `${at}?per_page=100` }).end();
      const isFirst = searchParams.get('page') === null;
      const link = isFirst ? { link: `<${at}?page=2>; rel="next"` } : {};
      return response.writeHead(200, link).end(JSON.stringify([{ id: isFirst ? 1 : 2 }]));
    });
    expect((await rowsOf(session, { path: issues, columns: ['id'] })).flat()).toEqual(['1', '2']);
    expect(requests.slice(1)).toEqual([
      '/api/v3/repositories/7/issues?per_page=100',
      '/api/v3/repositories/7/issues?page=2',
    ]);
  });

  it('with fewer repositories than requested does not end the list while there is a next page', async () => {
    const { session } = await answering((request, response) => {
      const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('page'));
      const link = {
        link: `<http://${request.headers.host}/api/v3/user/repos?page=${page + 1}>; rel="next"`,
      };
      response
        .writeHead(200, page < 3 ? link : {})
        .end(JSON.stringify([{ id: page, full_name: `o/r${page}` }]));
    });
    const names: string[] = [];
    let next: string | undefined;
    do {
      const page = await session.browse({
        path: [],
        limit: 50,
        ...(next === undefined ? {} : { page: next }),
      });
      names.push(...page.items.map(({ name }) => name));
      next = page.next;
    } while (next !== undefined);
    expect(names).toEqual(['repositories', 'o/r1', 'o/r2', 'o/r3']);
  });

  it('has rows with their key, which describe calls not null', async () => {
    const { session } = await always(200, [{ id: 1 }]);
    const { columns, primaryKey } = await session.describe({ path: issues });
    expect(primaryKey).toEqual(['id']);
    expect(columns.filter(({ nullable }) => !nullable).map(({ name }) => name)).toEqual(['id']);
  });
});
