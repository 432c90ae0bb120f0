// A BigQuery API with scripted responses; correct behaviour is tested against the lab.
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { manifestOf } from '../../kit/manifest.js';
import { parseProperties, selectSignIn } from '../../kit/properties.js';
import { openSession, type TestInput, type TestSession } from '../../suite/bench.js';
import { createDirectNetwork, type DirectNetwork } from '../../suite/direct-network.js';
import { source } from './source.js';

const manifest = manifestOf(source);

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
export const otherKeys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
export const email = 'reader@my-project.iam.gserviceaccount.com';

export const keyFile = (changes: Record<string, unknown> = {}) =>
  JSON.stringify({
    type: 'service_account',
    project_id: 'my-project',
    client_email: email,
    private_key: keys.privateKey,
    ...changes,
  });

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

export type Reply = { status?: number; body?: unknown; headers?: Record<string, string> } | 'silence';

export interface Stand {
  url: string;
  settings: Record<string, string>;
  seen: Seen[];
  /** Requests as `METHOD path`, without the common prefix. */
  calls(): string[];
}

function verifyAssertion(body: string, tokenEndpoint: string): boolean {
  const assertion = new URLSearchParams(body).get('assertion') ?? '';
  const [header, payload, signature] = assertion.split('.');
  const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
  expect(claims).toMatchObject({
    iss: email,
    aud: tokenEndpoint,
    scope: 'https://www.googleapis.com/auth/bigquery',
  });
  const verify = createVerify('RSA-SHA256').update(`${header}.${payload}`);
  return verify.verify(keys.publicKey, Buffer.from(signature ?? '', 'base64url'));
}

/** Serves the token endpoint itself and leaves the API to `reply`; no reply means 404. */
export async function serve(reply: (request: Seen) => Reply | undefined): Promise<Stand> {
  const seen: Seen[] = [];
  let tokens = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://x');
    const entry: Seen = {
      method: request.method ?? '',
      path: url.pathname.replace('/bigquery/v2/projects/my-project', ''),
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    seen.push(entry);
    let answer: Reply;
    if (entry.path === '/token') {
      tokens += 1;
      answer = verifyAssertion(entry.body, `${base}/token`)
        ? { body: { access_token: `token-${tokens}`, expires_in: 3600, token_type: 'Bearer' } }
        : { status: 400, body: { error: 'invalid_grant', error_description: 'echo s3cret' } };
    } else {
      const missing = { code: 404, errors: [{ reason: 'notFound', message: 'Not found: echo s3cret' }] };
      answer = reply(entry) ?? { status: 404, body: { error: missing } };
    }
    if (answer === 'silence') return;
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const base = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()));
  return {
    url: base,
    settings: { apiEndpoint: base, tokenEndpoint: `${base}/token` },
    seen,
    calls: () => seen.map(({ method, path }) => `${method} ${path}`),
  };
}

export function inputOf(
  given: Record<string, unknown> = {},
  login: Partial<TestInput['login']> = {},
): TestInput {
  const credential = { KeyFilePath: [{ name: 'key.json', value: keyFile() }] };
  const parsed = parseProperties(manifest, { ...credential, ...given });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { definition, credential: fields } = parsed.value;
  return {
    properties: definition,
    login: { signIn: selectSignIn(manifest, definition).id, fields, ...login },
  };
}

export function problemsOf(given: Record<string, unknown>): string[] {
  const parsed = parseProperties(manifest, given);
  return parsed.ok ? [] : parsed.problems.map(({ property }) => property);
}

export interface Opened {
  session: TestSession;
  network: DirectNetwork;
  abort: AbortController;
}

export async function open(stand: Pick<Stand, 'settings'>, input = inputOf()): Promise<Opened> {
  const network = createDirectNetwork();
  const abort = new AbortController();
  onTestFinished(() => network.close());
  const { settings } = stand;
  const session = await openSession(source, input, { network, settings, signal: abort.signal });
  onTestFinished(async () => {
    await session.close();
    expect(await network.idle(2_000)).toBe(true);
  });
  return { session, network, abort };
}

const isDryRun = ({ body }: Seen) => JSON.parse(body).configuration.dryRun === true;
const select = { statistics: { query: { statementType: 'SELECT' } } };

/** A job that is done immediately with `rows` of one column `n`. @param pageRows most of a page, whatever is asked for */
export function answerQuery(rows: readonly string[], pageRows = 1_000) {
  return (request: Seen): Reply | undefined => {
    if (request.path === '/jobs') {
      return { body: isDryRun(request) ? select : { jobReference: { location: 'EU' }, status: {} } };
    }
    if (!request.path.startsWith('/queries/')) return undefined;
    const start = Number(request.query.get('pageToken') ?? 0);
    const end = start + Math.min(pageRows, Number(request.query.get('maxResults')));
    return {
      body: {
        jobComplete: true,
        schema: { fields: [{ name: 'n', type: 'INTEGER' }] },
        rows: rows.slice(start, end).map((v) => ({ f: [{ v }] })),
        ...(end < rows.length ? { pageToken: String(end) } : {}),
      },
    };
  };
}
