import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { expect, it, onTestFinished } from 'vitest';
import type { TokenSource } from '../../interface/login.js';
import { OriginToken, Secret } from '../../interface/secret.js';
import { createRetries } from '../../kit/retries.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import { bearer } from '../http/authorization.js';
import type { Api } from './api.js';
import { apiErrors } from './errors.js';
import { declareLists } from './lists.js';
import { byLinkHeader } from './paging.js';
import { apiSource } from './source.js';

const call = { signal: new AbortController().signal, isPreview: false };
const list = declareLists([[/^id$/, 'integer']]);

/** Numbered pages of one row; `next` has the Link of a page. `requests` say with which token. */
async function startApi(accepted: string, next: (url: string, page: number) => string | undefined) {
  const requests: string[] = [];
  const server: LoopbackServer = await listenOnLoopback(0, (url) => (request, response) => {
    requests.push(`${request.headers.authorization} ${request.url}`);
    const page = Number(new URL(request.url ?? '', url).searchParams.get('page') ?? 1);
    const link = next(url, page);
    response.writeHead(request.headers.authorization === `Bearer ${accepted}` ? 200 : 401, {
      'content-type': 'application/json',
      ...(link === undefined ? {} : { link: `<${link}>; rel="next"` }),
    });
    response.end(JSON.stringify([{ id: page }]));
  });
  onTestFinished(server.close);
  return { url: server.url, requests };
}

async function read(token: TokenSource, more: Partial<Api>) {
  const network = createDirectNetwork();
  onTestFinished(() => network.close());
  const api: Api = {
    base: new URL('https://sign-in.example/v1'),
    isElsewhere: true,
    headers: (given) => ({ authorization: bearer(given?.reveal() ?? '') }),
    ...{ token, timeoutSeconds: 5, paging: byLinkHeader },
    root: { resources: { items: list('items')`id` } },
    ...more,
  };
  const connector = apiSource({ errors: apiErrors(), api: () => api });
  const context = { network, signal: call.signal, retries: createRetries() };
  const session = await connector.open({}, context);
  const plan = await session.plan({ target: { path: ['items'] }, lanes: ['rows'] }, call);
  const rows = [];
  for await (const batch of plan.open(null, { batchRows: 10 }, call))
    if ('rows' in batch) rows.push(...batch.rows);
  return rows.flat();
}

it('a read goes where each token says, also in its midst', async () => {
  const pages = (url: string, page: number) => (page < 3 ? `${url}/v1/items?page=${page + 1}` : undefined);
  const [one, two] = [await startApi('first', pages), await startApi('second', pages)];
  let asked = 0;
  const token: TokenSource = async () => {
    asked += 1;
    return asked === 1 ? new OriginToken('first', one.url) : new OriginToken('second', two.url);
  };
  expect(await read(token, {})).toEqual([1, 2, 3]);
  expect(one.requests).toEqual(['Bearer first /v1/items']);
  expect(two.requests).toEqual(['Bearer second /v1/items?page=2', 'Bearer second /v1/items?page=3']);
});

it('S09: no answer of the API leads a token to another origin', async () => {
  const other = await startApi('first', () => undefined);
  const hostile = await startApi('first', () => `${other.url}/v1/items?page=2`);
  const token: TokenSource = async () => new OriginToken('first', hostile.url);
  await expect(read(token, {})).rejects.toThrow(
    "The source sent the next page outside the connection's origin.",
  );
  expect(other.requests).toEqual([]);
});

it('goes to its own address where the token names none, and where the connection is not at the sign-in host', async () => {
  const own = await startApi('first', () => undefined);
  const base = new URL(`${own.url}/v1`);
  expect(await read(async () => new Secret('first'), { base })).toEqual([1]);
  const elsewhere = await startApi('first', () => undefined);
  const token: TokenSource = async () => new OriginToken('first', elsewhere.url);
  expect(await read(token, { base, isElsewhere: false })).toEqual([1]);
  expect(elsewhere.requests).toEqual([]);
});
