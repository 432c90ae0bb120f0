import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type GithubCall, githubLists, sampleRepositories } from './github-resources.js';
import { knowSecret } from './known-secrets.js';
import { listenOnLoopback } from './loopback-http.js';

export interface GithubOptions {
  /** 0 (default): a free one. */
  port?: number;
  /** Accepts tokens of an authorization server, which see what the member sees. */
  verifyAccessToken?: (token: string) => Promise<{ active: boolean; sub?: string }>;
}

export interface GithubRequest {
  /** With the query string. */
  path: string;
  authorization: string | undefined;
}

/** An answer of the API that is about a limit. */
export interface GithubLimit {
  /** `primary`: no request is left until the reset. `secondary`: too many at once. */
  kind: 'primary' | 'secondary';
  status: 403 | 429;
  /** Requests that are answered before. */
  after?: number;
  /** Requests that are refused; the next one is answered. */
  times: number;
  /** Until the limit ends: of Retry-After for a secondary limit, of the reset header for the primary one. */
  seconds?: number;
}

/**
 * GitHub's REST API as GitHub Enterprise Server has it, for reading. Facts: https://docs.github.com/en/rest. Two users:
 * the member sees all repositories, the visitor only public ones.
 */
export interface LabGithub {
  /** `http://127.0.0.1:<port>/api/v3` */
  url: string;
  organization: string;
  /** Personal access tokens. */
  tokens: { member: string; visitor: string };
  /** Limits the requests from now on. */
  limit(limit: GithubLimit): void;
  requests(): readonly GithubRequest[];
  close(): Promise<void>;
}

const base = '/api/v3';
const organization = 'octo-org';

const names: Readonly<Record<number, string>> = {
  401: 'Bad credentials',
  404: 'Not Found',
};

function send(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'x-github-api-version-selected': '2022-11-28',
    'x-github-enterprise-version': '3.17.0',
    ...headers,
  });
  response.end(JSON.stringify(body));
}

const refuse = (response: ServerResponse, status: number, headers = {}, message = names[status]) =>
  send(
    response,
    status,
    { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
    headers,
  );

/** Link header of a page (RFC 8288), as GitHub writes it. */
function linkOf(url: URL, page: number, last: number): string {
  const at = (number: number, relation: string) => {
    const target = new URL(url);
    target.searchParams.set('page', String(number));
    return `<${target.href}>; rel="${relation}"`;
  };
  return [
    ...(page > 1 ? [at(page - 1, 'prev')] : []),
    ...(page < last ? [at(page + 1, 'next'), at(last, 'last')] : []),
    ...(page > 1 ? [at(1, 'first')] : []),
  ].join(', ');
}

const countOf = (given: string | null, otherwise: number, most: number): number => {
  const number = Number(given ?? otherwise);
  return Number.isSafeInteger(number) && number > 0 ? Math.min(number, most) : otherwise;
};

function sendPage(response: ServerResponse, url: URL, { rows, within }: GithubCall, headers: object): void {
  const size = countOf(url.searchParams.get('per_page'), 30, 100);
  const page = countOf(url.searchParams.get('page'), 1, 1_000_000);
  const shown = rows.slice((page - 1) * size, page * size);
  const link = linkOf(url, page, Math.max(1, Math.ceil(rows.length / size)));
  const body = within === undefined ? shown : { total_count: rows.length, [within]: shown };
  send(response, 200, body, { ...headers, ...(link === '' ? {} : { link }) });
}

/** Requests are counted by the user; the reset is at the full hour. */
function rateHeaders(remaining: number, resetSeconds: number): Record<string, string> {
  return {
    'x-ratelimit-limit': '5000',
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-used': String(5000 - remaining),
    'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + resetSeconds),
    'x-ratelimit-resource': 'core',
  };
}

/** Whether a limit refused the request. */
function isLimited(response: ServerResponse, limit: GithubLimit | undefined): boolean {
  if (!limit) return false;
  if ((limit.after ?? 0) > 0) {
    limit.after = (limit.after ?? 0) - 1;
    return false;
  }
  if (limit.times === 0) return false;
  limit.times -= 1;
  const { kind, status, seconds } = limit;
  if (kind === 'primary') {
    refuse(response, status, rateHeaders(0, seconds ?? 1800), 'API rate limit exceeded for user ID 1.');
  } else {
    const wait = seconds === undefined ? {} : { 'retry-after': String(seconds) };
    const message =
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
    refuse(response, status, { ...rateHeaders(4000, 1800), ...wait }, message);
  }
  return true;
}

interface State {
  tokens: LabGithub['tokens'];
  verifyAccessToken: NonNullable<GithubOptions['verifyAccessToken']>;
  limit: GithubLimit | undefined;
  requests: GithubRequest[];
}

async function userOf({ headers }: IncomingMessage, { tokens, verifyAccessToken }: State) {
  const [, token = ''] = /^(?:Bearer|token) (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (token === tokens.visitor) return { login: 'visitor', seesPrivate: false };
  const isMember = token === tokens.member || (token !== '' && (await verifyAccessToken(token)).active);
  return isMember ? { login: 'octo-member', seesPrivate: true } : undefined;
}

async function answer(url: URL, request: IncomingMessage, response: ServerResponse, state: State) {
  state.requests.push({ path: url.pathname + url.search, authorization: request.headers.authorization });
  const user = await userOf(request, state);
  if (!user) return refuse(response, 401);
  if (isLimited(response, state.limit)) return;
  const path = url.pathname.slice(base.length);
  const headers = rateHeaders(4_900, 1800);
  if (!url.pathname.startsWith(`${base}/`)) return refuse(response, 404, headers);
  if (path === '/user') return send(response, 200, { login: user.login, id: 1, type: 'User' }, headers);
  const seen = sampleRepositories(organization).filter((each) => user.seesPrivate || !each.private);
  if (path === '/user/repos' || path === `/orgs/${organization}/repos`)
    return sendPage(response, url, { rows: seen }, headers);
  const [, name = '', list = ''] = /^\/repos\/([^/]+\/[^/]+)\/(.+)$/.exec(decodeURI(path)) ?? [];
  const repository = seen.find((each) => each.full_name === name);
  const found = repository && githubLists(repository, url.searchParams)[list];
  // What may not be seen does not exist.
  if (!found) return refuse(response, 404, headers);
  return sendPage(response, url, found, headers);
}

/** Starts the API on 127.0.0.1, with fresh tokens. */
export async function startGithub(options: GithubOptions = {}): Promise<LabGithub> {
  const tokenFor = (name: string) =>
    knowSecret(`GitHub token of the ${name}`, `ghp_${randomBytes(27).toString('hex').slice(0, 36)}`);
  const state: State = {
    tokens: { member: tokenFor('member'), visitor: tokenFor('visitor') },
    verifyAccessToken: options.verifyAccessToken ?? (async () => ({ active: false })),
    limit: undefined,
    requests: [],
  };
  const server = await listenOnLoopback(options.port ?? 0, (url) => (request, response) => {
    answer(new URL(request.url ?? '/', url), request, response, state).catch(() => response.destroy());
  });
  return {
    url: `${server.url}${base}`,
    organization,
    tokens: state.tokens,
    limit: (limit) => {
      state.limit = { ...limit };
    },
    requests: () => [...state.requests],
    close: server.close,
  };
}
