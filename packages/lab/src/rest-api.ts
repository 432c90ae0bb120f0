import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { knowSecret } from './known-secrets.js';
import { listenOnLoopback, readRequestBody } from './loopback-http.js';
import { findResource, sendJson } from './rest-resources.js';

export interface RestApiOptions {
  /** 0 (default): a free one. */
  port?: number;
  /** Validates bearer tokens below `/oauth`; absent: all are rejected. */
  verifyAccessToken?: (token: string) => Promise<{ active: boolean; sub?: string }>;
}

export interface RestRequest {
  method: string;
  /** With the query string. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * A running JSON API. Each sign-in is a first path segment (`/anonymous`, `/basic`, `/bearer`, `/key`,
 * `/oauth`) with the same resources below it: `/items` (25 rows), `/item`, `/wrapped`, `/empty`, `/no-content`,
 * `/whoami`, the pages `/offset?offset&limit`, `/page?page&size`, `/token?pageToken`, `/next-url` (also by
 * headers `x-next-page`, `x-next-token` and `link`), and what goes wrong below `/faults/…`.
 */
export interface LabRestApi {
  url: string;
  basic: { username: string; password: string };
  /** A static bearer token. */
  bearer: string;
  apiKey: { header: string; value: string };
  /** Every call so far, including secrets in headers: for tests, not for logs. */
  requests(): readonly RestRequest[];
  close(): Promise<void>;
}

interface Secrets {
  basic: { username: string; password: string };
  bearer: string;
  apiKey: { header: string; value: string };
  verifyAccessToken: NonNullable<RestApiOptions['verifyAccessToken']>;
}

function isEqual(given: string | string[] | undefined, expected: string): boolean {
  const [left, right] = [Buffer.from(String(given ?? '')), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The caller, by the sign-in of the path; null: rejected; undefined: no such sign-in. */
async function authenticate(signIn: string, headers: IncomingHttpHeaders, secrets: Secrets) {
  const { authorization } = headers;
  switch (signIn) {
    case 'anonymous':
      return 'anonymous';
    case 'basic': {
      const pair = Buffer.from(`${secrets.basic.username}:${secrets.basic.password}`).toString('base64');
      return isEqual(authorization, `Basic ${pair}`) ? secrets.basic.username : null;
    }
    case 'bearer':
      return isEqual(authorization, `Bearer ${secrets.bearer}`) ? 'bearer' : null;
    case 'key':
      return isEqual(headers[secrets.apiKey.header.toLowerCase()], secrets.apiKey.value) ? 'key' : null;
    case 'oauth': {
      const [, token] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
      const verified = token === undefined ? { active: false } : await secrets.verifyAccessToken(token);
      return verified.active ? ((verified as { sub?: string }).sub ?? 'unknown') : null;
    }
    default:
      return undefined;
  }
}

const challenges: Record<string, string> = { basic: 'Basic realm="lab"', bearer: 'Bearer', oauth: 'Bearer' };

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  context: { url: string; secrets: Secrets; requests: RestRequest[] },
): Promise<void> {
  const target = new URL(request.url ?? '/', context.url);
  const body = (await readRequestBody(request)).toString();
  const { method = 'GET', headers } = request;
  context.requests.push({ method, path: target.pathname + target.search, headers, body });
  const [, signIn = '', rest = ''] = /^\/([^/]*)(\/.*)?$/.exec(target.pathname) ?? [];
  const who = await authenticate(signIn, headers, context.secrets);
  if (who === null) {
    const challenge = challenges[signIn];
    const header = challenge === undefined ? {} : { 'www-authenticate': challenge };
    sendJson(response, 401, { error: 'unauthorized' }, header);
    return;
  }
  const resource = who === undefined ? undefined : findResource(rest);
  if (who === undefined || resource === undefined) {
    sendJson(response, 404, { error: 'not found' });
    return;
  }
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  const address = context.url + target.pathname;
  await resource({ response, query: target.searchParams, address, who, signal: leaving.signal });
}

/** Starts the JSON API on 127.0.0.1, with fresh secrets. */
export async function startRestApi(options: RestApiOptions = {}): Promise<LabRestApi> {
  const secrets: Secrets = {
    basic: {
      username: 'reporter',
      password: knowSecret('REST password', randomBytes(12).toString('base64url')),
    },
    bearer: knowSecret('REST bearer token', randomBytes(24).toString('base64url')),
    apiKey: { header: 'X-Api-Key', value: knowSecret('REST API key', randomBytes(24).toString('base64url')) },
    verifyAccessToken: options.verifyAccessToken ?? (async () => ({ active: false })),
  };
  const requests: RestRequest[] = [];
  const server = await listenOnLoopback(options.port ?? 0, (url) => (request, response) => {
    answer(request, response, { url, secrets, requests }).catch(() => response.destroy());
  });
  const { basic, bearer, apiKey } = secrets;
  return {
    url: server.url,
    basic,
    bearer,
    apiKey,
    requests: () => structuredClone(requests),
    close: server.close,
  };
}
