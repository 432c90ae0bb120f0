import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failureOf } from '../../suite/bench.js';
import { issues, open, rowsOf } from './test-stand.js';

/** A server in the place of the API; `requests` are the paths that it has seen. */
async function startHostile(handler: RequestListener): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.authorization}`);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`, requests };
}

describe('a hostile answer to github', () => {
  const list = JSON.stringify([{ id: 1, number: 1 }]);

  it('S09: a next page on another host never gets the token', async () => {
    const canary = await startHostile((_request, response) => response.end('[]'));
    for (const link of [
      canary.url,
      `//${new URL(canary.url).host}/x`,
      canary.url.replace('http:', 'https:'),
    ]) {
      const hostile = await startHostile((_request, response) =>
        response.writeHead(200, { link: `<${link}>; rel="next"` }).end(list),
      );
      const session = await open(hostile.url, 'ghp_canary');
      const error = await failureOf(rowsOf(session, { path: issues }));
      expect(error.kind).toBe('protocol_error');
      const moved = await startHostile((_request, response) =>
        response.writeHead(302, { location: link }).end(),
      );
      expect((await failureOf((await open(moved.url, 'ghp_canary')).ping())).kind).toBe('protocol_error');
    }
    expect(canary.requests).toEqual([]);
  });

  it.each([
    ['a next page that repeats', 'protocol_error', list, '?page=2'],
    ['an object instead of a list', 'protocol_error', '{"message":"ok"}', ''],
    ['a web page', 'protocol_error', '<html>s3cret</html>', ''],
    ['cut JSON', 'protocol_error', '[{"id":1', ''],
    ['a row that is not an object', 'protocol_error', '[null]', ''],
    ['a row without its key', 'protocol_error', '[{"number":1}]', ''],
    ['a row whose key is null', 'protocol_error', '[{"id":null}]', ''],
    ['values of other types', 'protocol_error', '[{"number":"one s3cret"}]', ''],
    ['members of a prototype', 'ok', '[{"id":1,"__proto__":{"number":7},"constructor":{"number":2}}]', ''],
    ['a member twice', 'protocol_error', '[{"id":1,"id":2}]', ''],
    ['deep values', 'too_large', `[{"labels":${'['.repeat(9_000)}${']'.repeat(9_000)}}]`, ''],
    ['a row of 9 MB', 'too_large', `[{"body":"${'x'.repeat(9_000_000)}"}]`, ''],
  ])('%s: %s', async (_title, kind, body, next) => {
    const hostile = await startHostile((request, response) => {
      const link =
        next === '' ? {} : { link: `<http://${request.headers.host}/api/v3/x${next}>; rel="next"` };
      response.writeHead(200, { 'content-type': 'application/json', ...link }).end(body);
    });
    const session = await open(hostile.url, 'ghp_canary');
    const outcome = await rowsOf(session, { path: issues, columns: ['id', 'number', 'labels', 'body'] }).then(
      () => ({ kind: 'ok' as string, message: '' }),
      ({ kind: found, message }) => ({ kind: found as string, message: String(message) }),
    );
    expect(outcome.kind).toBe(kind);
    expect(outcome.message).not.toContain('s3cret');
    expect(hostile.requests.length).toBeLessThanOrEqual(3);
  });
});
