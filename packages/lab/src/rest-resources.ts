import type { ServerResponse } from 'node:http';

/** One call that passed its sign-in. */
export interface ResourceCall {
  response: ServerResponse;
  query: URLSearchParams;
  /** Address of the resource itself, without a query. */
  address: string;
  /** The caller; `anonymous` without a sign-in. */
  who: string;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
}

type Resource = (call: ResourceCall) => void | Promise<void>;

/** The 25 rows behind every paging style. */
export const sampleItems = Array.from({ length: 25 }, (_, index) => ({
  id: index + 1,
  name: index === 1 ? 'grinning 😀 "quoted", comma' : `Item ${index + 1}`,
  price: Math.round((index + 1) * 1050) / 100,
  large: '9223372036854775807',
  active: index % 2 === 0,
  note: index % 3 === 0 ? null : 'a note',
  tags: index % 2 === 0 ? ['a', 'b'] : [],
  owner: { name: `Owner ${index % 4}`, address: { city: 'Ærøskøbing' } },
  created: new Date(Date.UTC(2024, 0, index + 1)).toISOString(),
}));

export function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function number(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise);
  return Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}

function slice(from: number, size: number) {
  return { items: sampleItems.slice(from, from + size), hasMore: from + size < sampleItems.length };
}

const pages: Record<string, Resource> = {
  '/items': ({ response }) => sendJson(response, 200, sampleItems),
  '/item': ({ response }) => sendJson(response, 200, sampleItems[0]),
  '/wrapped': ({ response }) =>
    sendJson(response, 200, { meta: { count: 25 }, data: { items: sampleItems } }),
  '/empty': ({ response }) => sendJson(response, 200, []),
  '/no-content': ({ response }) => void response.writeHead(204).end(),
  '/whoami': ({ response, who }) => sendJson(response, 200, { who }),
  '/offset': ({ response, query }) => {
    const { items } = slice(number(query, 'offset', 0), number(query, 'limit', 10));
    sendJson(response, 200, { paging: { total: sampleItems.length }, items });
  },
  '/page': ({ response, query }) => {
    const page = number(query, 'page', 1);
    const size = number(query, 'size', 10);
    const { items, hasMore } = slice((page - 1) * size, size);
    const next = hasMore ? page + 1 : null;
    sendJson(response, 200, { page, next, items }, hasMore ? { 'x-next-page': String(next) } : {});
  },
  '/token': ({ response, query }) => {
    const from = Number(Buffer.from(query.get('pageToken') ?? '', 'base64url').toString() || 0);
    const size = number(query, 'size', 10);
    const { items, hasMore } = slice(from, size);
    const nextToken = hasMore ? Buffer.from(String(from + size)).toString('base64url') : undefined;
    const header = nextToken === undefined ? {} : { 'x-next-token': nextToken };
    sendJson(response, 200, { items, paging: { nextToken } }, header);
  },
  '/next-url': ({ response, query, address }) => {
    const from = number(query, 'from', 0);
    const { items, hasMore } = slice(from, 10);
    const next = hasMore ? `${address}?from=${from + 10}` : null;
    sendJson(response, 200, { items, next }, next === null ? {} : { link: `<${next}>; rel="next"` });
  },
};

/** Waits for the caller to go away. */
function untilLeft(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function sendHuge({ response, query, signal }: ResourceCall): Promise<void> {
  const row = JSON.stringify({ id: 1, text: 'x'.repeat(1000) });
  const block = Buffer.from(`${row},`.repeat(64));
  const left = untilLeft(signal);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('[');
  for (let sent = 0; sent < number(query, 'megabytes', 100) * 1_000_000; sent += block.length) {
    if (signal.aborted) return;
    if (!response.write(block)) {
      await Promise.race([new Promise((resolve) => response.once('drain', resolve)), left]);
    }
  }
  response.end(`${row}]`);
}

const faults: Record<string, Resource> = {
  '/faults/401': ({ response }) => sendJson(response, 401, { error: 'no' }, { 'www-authenticate': 'Bearer' }),
  '/faults/403': ({ response }) => sendJson(response, 403, { error: 'forbidden' }),
  '/faults/404': ({ response }) => sendJson(response, 404, { error: 'not found' }),
  '/faults/429': ({ response }) => sendJson(response, 429, { error: 'slow down' }, { 'retry-after': '7' }),
  '/faults/500': ({ response }) => sendJson(response, 500, { error: 'internal detail of the service' }),
  '/faults/503': ({ response }) => sendJson(response, 503, { error: 'down' }),
  // Never answers.
  '/faults/hang': ({ signal }) => untilLeft(signal),
  // Answers its head and a first byte, then never more.
  '/faults/stall': ({ response, signal }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('[');
    return untilLeft(signal);
  },
  // Answers after `ms` milliseconds; 1,000 by default.
  '/faults/slow': async ({ response, query, signal }) => {
    const time = AbortSignal.timeout(number(query, 'ms', 1000));
    await untilLeft(AbortSignal.any([time, signal]));
    sendJson(response, 200, sampleItems);
  },
  '/faults/drop': ({ response }) => void response.destroy(),
  '/faults/cut': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('[{"id":1}', () => response.destroy());
  },
  // To `to`, which may be another origin; to the items of the same sign-in by default.
  '/faults/redirect': ({ response, query, address }) => {
    const location = query.get('to') ?? address.replace(/\/faults\/redirect$/, '/items');
    response.writeHead(number(query, 'status', 302), { location }).end();
  },
  // A paging answer whose next page is `to`, for instance on another origin.
  '/faults/next-elsewhere': ({ response, query }) =>
    sendJson(response, 200, { items: sampleItems.slice(0, 10), next: query.get('to') }),
  // A paging answer that never ends.
  '/faults/next-loop': ({ response, address }) =>
    sendJson(response, 200, {
      items: sampleItems.slice(0, 10),
      next: address,
      paging: { nextToken: 'same' },
    }),
  // `megabytes` of rows, 100 by default, as fast as the caller takes them.
  '/faults/huge': sendHuge,
  '/faults/html': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Sign in</title><p>Please sign in.');
  },
  // `levels` of arrays in arrays; 100,000 by default.
  '/faults/deep': ({ response, query }) => {
    const levels = number(query, 'levels', 100_000);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`${'['.repeat(levels)}${']'.repeat(levels)}`);
  },
  '/faults/broken': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('[{"id": 1}, {"id": ');
  },
  '/faults/scalar': ({ response }) => sendJson(response, 200, 42),
};

/** The resource at a path below a sign-in. */
export function findResource(path: string): Resource | undefined {
  const resources: Record<string, Resource> = { ...pages, ...faults };
  return Object.hasOwn(resources, path) ? resources[path] : undefined;
}
