import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BigQueryApi, createBigQueryApi } from './bigquery/api.js';
import { sampleDatasets } from './bigquery/data.js';
import { BigQueryFailure, failureBody } from './bigquery/failure.js';
import { createServiceAccount, type ServiceAccountKey } from './bigquery/service-account.js';
import { type CannedAnswer, listenOnLoopback, readRequestBody } from './loopback-http.js';

/** What an access token stands for. A missing `scope` counts as sufficient. */
export interface BearerAnswer {
  active: boolean;
  sub?: string;
  scope?: string;
}

export interface BigQueryOptions {
  /** 0 (default): a free one. */
  port?: number;
  /** Asked for every bearer that the stand-in did not issue itself. */
  verifyAccessToken: (token: string) => Promise<BearerAnswer>;
  /** Rows of `sales.big`; 100,000 by default. They are generated, not stored. */
  rowsInBig?: number;
}

export interface BigQueryRequest {
  method: string;
  /** Without the query string. */
  path: string;
  authorized: boolean;
  sub?: string;
}

/** A running stand-in for the REST API v2. */
export interface LabBigQuery {
  /** `apiEndpoint` of Google's client. */
  url: string;
  projectId: string;
  /** In `sales`: `orders` (5 rows for alice, 3 for bob, 2 for others), `all_types`, `big`, `salaries` (alice only), `endless`, … */
  datasets: readonly string[];
  /** Every call so far, the token endpoint's included. */
  requests(): readonly BigQueryRequest[];
  /** Query jobs so far. */
  jobs(): readonly {
    id: string;
    sub: string;
    query: string;
    state: 'RUNNING' | 'DONE';
    isCancelled: boolean;
  }[];
  serviceAccountKey: ServiceAccountKey;
  switches: {
    /** Replaces the answers of the next API calls, first in, first out. */
    answerNext: CannedAnswer[];
    /** Answers instead of the API, to calls of these paths. */
    answerFor?: (path: string) => CannedAnswer | undefined;
  };
  close(): Promise<void>;
}

const projectId = 'mooring-lab-project';
const sufficientScopes = [
  'https://www.googleapis.com/auth/bigquery',
  'https://www.googleapis.com/auth/bigquery.readonly',
  'https://www.googleapis.com/auth/cloud-platform',
];

type Verify = (token: string) => Promise<BearerAnswer>;

/** @returns who calls. @throws BigQueryFailure as Google refuses a bearer. */
async function authenticate(request: IncomingMessage, verify: Verify): Promise<string> {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) {
    const message = 'Request is missing required authentication credential. Expected OAuth 2 access token.';
    throw new BigQueryFailure('required', message);
  }
  const { active, sub, scope } = await verify(token);
  if (!active || sub === undefined) {
    const message = 'Request had invalid authentication credentials. Expected OAuth 2 access token.';
    throw new BigQueryFailure('authError', message);
  }
  if (scope !== undefined && !scope.split(' ').some((one) => sufficientScopes.includes(one))) {
    throw new BigQueryFailure('insufficientPermissions', 'Request had insufficient authentication scopes.');
  }
  return sub;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="https://accounts.google.com/"');
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(body));
}

function sendCanned(response: ServerResponse, answer: CannedAnswer): void {
  const headers = { 'content-type': answer.contentType ?? 'application/json', ...answer.headers };
  response.writeHead(answer.status, headers).end(answer.body);
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const text = (await readRequestBody(request)).toString();
  if (text === '') return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new BigQueryFailure('invalid', 'Parse Error');
  }
}

interface StandIn {
  api: BigQueryApi;
  account: ReturnType<typeof createServiceAccount>;
  requests: BigQueryRequest[];
  switches: LabBigQuery['switches'];
  verifyAccessToken: Verify;
}

async function answerToken(
  request: IncomingMessage,
  response: ServerResponse,
  standIn: StandIn,
): Promise<boolean> {
  const form = new URLSearchParams((await readRequestBody(request)).toString());
  const { status, body } = await standIn.account.exchange(form);
  sendJson(response, status, body);
  return status === 200;
}

async function answer(request: IncomingMessage, response: ServerResponse, standIn: StandIn): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const entry: BigQueryRequest = { method: request.method ?? 'GET', path: url.pathname, authorized: false };
  standIn.requests.push(entry);
  if (url.pathname === '/token') {
    entry.authorized = await answerToken(request, response, standIn);
    return;
  }
  const sub = await authenticate(request, async (token) => {
    const own = standIn.account.verify(token);
    return own === undefined ? await standIn.verifyAccessToken(token) : { active: true, ...own };
  });
  Object.assign(entry, { sub, authorized: true });
  const { answerNext, answerFor } = standIn.switches;
  const canned = answerNext.shift() ?? answerFor?.(url.pathname);
  if (canned !== undefined) {
    sendCanned(response, canned);
    return;
  }
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  const body = await readJson(request);
  const call = { method: entry.method, path: url.pathname, query: url.searchParams, body };
  sendJson(response, 200, await standIn.api.answer({ ...call, sub, signal: leaving.signal }));
}

/** Starts the BigQuery stand-in on 127.0.0.1, with a fresh service account. */
export async function startBigQuery(options: BigQueryOptions): Promise<LabBigQuery> {
  const datasets = sampleDatasets(options.rowsInBig ?? 100_000);
  const api = createBigQueryApi(projectId, datasets);
  const requests: BigQueryRequest[] = [];
  const switches: LabBigQuery['switches'] = { answerNext: [] };
  const { verifyAccessToken } = options;
  const started: { account?: StandIn['account'] } = {};
  const server = await listenOnLoopback(options.port ?? 0, (url) => {
    const account = createServiceAccount(url, projectId);
    started.account = account;
    return (request, response) => {
      answer(request, response, { api, account, requests, switches, verifyAccessToken }).catch(
        (error: unknown) => {
          if (error instanceof BigQueryFailure) sendJson(response, error.code, failureBody(error));
          else if (!response.headersSent) sendJson(response, 500, { error: { message: String(error) } });
          else response.destroy();
        },
      );
    };
  });
  if (started.account === undefined) throw new Error('The service account was not made');
  return {
    url: server.url,
    projectId,
    datasets: [...datasets.keys()],
    requests: () => structuredClone(requests),
    jobs: () =>
      api.jobs().map(({ id, sub, query, state, isCancelled }) => ({ id, sub, query, state, isCancelled })),
    serviceAccountKey: started.account.key,
    switches,
    close: server.close,
  };
}
