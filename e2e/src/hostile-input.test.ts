import { allRoutes } from '@mooring/contract/all-routes';
import type { Route } from '@mooring/contract/route';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertErrorShape } from './error-shape.js';
import { type PopulatedMooring, startPopulatedMooring } from './populated-mooring.js';
import { exampleFor, type RouteExample } from './route-examples.js';

// D11: every kind of value in every field of every route. Never a 5xx, never a word from inside the server.

let populated: PopulatedMooring;

beforeAll(async () => {
  populated = await startPopulatedMooring();
});
afterAll(() => populated.close());

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const withoutLowSurrogate = '"\\ud800"';

/** Written as JSON by hand, because some of it no serialiser would write. */
const jsonValues = [
  '{}',
  '{"a":{"b":[]}}',
  '[]',
  '[null]',
  '[1,"2",true,{}]',
  '0',
  '-1',
  '1.5',
  '1e308',
  '9007199254740993',
  'null',
  'true',
  'false',
  '""',
  '" "',
  '"true"',
  '"__proto__"',
  '"constructor"',
  '"\\u0000"',
  withoutLowSurrogate,
  '"\\r\\nX-Evil: 1"',
  '"\'; drop table connection; --"',
  '"../../etc/passwd"',
  '"<script>alert(1)</script>"',
  '"%00%ff%2e%2e"',
  `"${'x'.repeat(10_000)}"`,
  `"${'\u{1F600}'.repeat(3000)}"`,
  deep(30),
  deep(50_000),
  `{"a":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
];

const urlValues = [
  '',
  '%20',
  '%00',
  '%ff',
  '%ED%A0%80',
  '%',
  '%zz',
  '0',
  '-1',
  '1e9',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  '%27%3B%20drop%20table%20connection%3B--',
  '%25',
  '_%25_',
  '..%2F..%2Fetc%2Fpasswd',
  '%0d%0aX-Evil:%201',
  '%3Cscript%3E',
  'x'.repeat(2000),
  '%F0%9F%98%80',
  '00000000-0000-0000-0000-000000000000',
  'f'.repeat(24),
  'eyJkIjoibmV4dCJ9',
];

interface Sent {
  method: string;
  url: string;
  body?: string;
}

const tolerated = new Set(['application/json; charset=utf-8', 'text/html; charset=utf-8']);

async function send(sent: Sent, key: string): Promise<number> {
  const response = await fetch(sent.url, {
    method: sent.method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(sent.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(sent.body === undefined ? {} : { body: sent.body }),
  });
  const text = await response.text();
  const what = `${sent.method} ${sent.url.slice(0, 300)} ${sent.body?.slice(0, 300) ?? ''} → ${response.status} ${text.slice(0, 500)}`;
  expect(response.status, what).toBeLessThan(500);
  expect(response.headers.get('x-evil'), what).toBeNull();
  if (response.status >= 400) {
    expect(tolerated, what).toContain(response.headers.get('content-type'));
    if (text.startsWith('{')) assertErrorShape({ status: response.status, body: JSON.parse(text), text });
    else expect(text, what).toMatch(/^<!doctype html>/);
    expect(text, what).not.toContain('canary-password');
  }
  return response.status;
}

/**
 * In the quick tier each field gets every 61st value, and the next field others: no list has a multiple of 61 values.
 */
const every = full(1, 61);

/** A few at a time, as many clients would. */
async function sendAll(requests: readonly Sent[], key: string): Promise<void> {
  const left = requests.filter((_, index) => index % every === 0).toReversed();
  const worker = async () => {
    for (let next = left.pop(); next; next = left.pop()) await send(next, key);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const example = (route: Route): RouteExample => exampleFor(route, populated.admin.has) ?? {};

function urlOf(route: Route, change: { params?: object; query?: string } = {}): string {
  const { params, query } = example(route);
  const all: Record<string, string> = { ...params, ...change.params };
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => all[name] ?? name);
  const search = change.query ?? new URLSearchParams(query).toString();
  return `${populated.mooring.url}${path}${search === '' ? '' : `?${search}`}`;
}

const membersOf = (schema: unknown): string[] => {
  const { shape, unwrap } = (schema ?? {}) as { shape?: object; unwrap?: () => unknown };
  return shape ? Object.keys(shape) : unwrap ? membersOf(unwrap.call(schema)) : [];
};

/** The body's text with one member, or one property of `connectionProperties`, set to JSON of any kind. */
function bodyWith(body: object, name: string, json: string): string {
  const { [name]: _left, ...rest } = body as Record<string, unknown>;
  const members = Object.entries(rest).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  return `{${[...members, `${JSON.stringify(name)}:${json}`].join(',')}}`;
}

function requestsTo(route: Route): Sent[] {
  const { method } = route;
  const { body, params, query } = example(route);
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const requests: Sent[] = [];
  for (const name of Object.keys(params ?? {}))
    for (const value of urlValues)
      requests.push({ method, url: urlOf(route, { params: { [name]: value } }), ...json });
  const names = [...new Set([...membersOf(route.query), ...Object.keys(query ?? {}), 'unknown'])];
  for (const name of names) {
    const repeated = [
      `${name}=1&${name}=2`,
      `${name}[]=1`,
      `${name}[a]=1`,
      name,
      `${name}=1&${name.toUpperCase()}=1`,
    ];
    for (const search of [...urlValues.map((value) => `${name}=${value}`), ...repeated])
      requests.push({ method, url: urlOf(route, { query: search }), ...json });
  }
  if (body === undefined) return requests;
  const url = urlOf(route);
  for (const value of jsonValues) requests.push({ method, url, body: value });
  if (Array.isArray(body)) {
    for (const name of ['op', 'path', 'value', 'unknown'])
      for (const value of jsonValues)
        requests.push({ method, url, body: `[${bodyWith({ op: 'replace', path: '/tags' }, name, value)}]` });
    return requests;
  }
  for (const name of [...membersOf(route.body), '__proto__', 'toString', ''])
    for (const value of jsonValues) {
      requests.push({ method, url, body: bodyWith(body, name, value) });
      const twice = bodyWith(body, name.toUpperCase(), value).replace(/\}$/, `,"${name}":${value}}`);
      requests.push({ method, url, body: twice });
    }
  return requests;
}

// What would end the things that later requests are about gets nonsense only.
const isDestructive = (route: Route) => route.method === 'DELETE';
const named = (isWanted: (route: Route) => boolean) =>
  allRoutes.filter(isWanted).map((route) => [`${route.method} ${route.path}`, route] as const);

describe('D11: hostile values', () => {
  it.each(named(isDestructive))('%s deletes nothing when its path is nonsense', async (_name, route) => {
    const [parameter = ''] = Object.keys(example(route).params ?? {});
    const query = 'type=connectionname&byCredentialName=true';
    for (const value of urlValues) {
      const url = urlOf(route, { params: { [parameter]: value }, query });
      const status = await send({ method: route.method, url }, populated.mooring.adminKey);
      expect(status, url).toBeGreaterThanOrEqual(400);
    }
  });

  it.each(named((route) => !isDestructive(route)))(
    '%s answers a 4xx at worst, whatever its fields hold',
    async (_name, route) => {
      const requests = requestsTo(route);
      await sendAll(requests, populated.mooring.adminKey);
      if (route.public) return;
      for (const request of requests.slice(0, full(20, 3))) {
        expect(await send(request, 'nobody'), request.url).toBeGreaterThanOrEqual(400);
      }
    },
  );

  it.each(['data-connections', 'data-credentials', 'data-connections/actions/test'])(
    'every property of every source, given to %s',
    async (door) => {
      const { api } = populated.admin;
      const url = `${populated.mooring.url}/api/v1/${door}`;
      const { dataSources } = (await api.get('/api/v1/data-sources')).body;
      for (const { dataSourceId: datasourceID } of dataSources as { dataSourceId: string }[]) {
        const specs = await api.get(`/api/v1/data-sources/${datasourceID}/api-specs`);
        const names = Object.keys(specs.body.connectionProperties.properties);
        const requests = [...names, '__proto__', 'constructor', 'toString'].flatMap((name) =>
          jsonValues.map((value, index) => {
            const body = { datasourceID, qName: `${datasourceID} ${name} ${index}` };
            const properties = `{${JSON.stringify(name)}:${value}}`;
            return { method: 'POST', url, body: bodyWith(body, 'connectionProperties', properties) };
          }),
        );
        await sendAll(requests, populated.mooring.adminKey);
      }
    },
  );

  it('leaves the server well: ready, no fault in its log, no secret in it', async () => {
    const ready = await populated.admin.api.get('/readyz');
    expect(ready.status).toBe(200);
    const log = populated.mooring.logText();
    const faults = log.split('\n').filter((line) => /"level":(50|60)/.test(line));
    expect(faults).toEqual([]);
    expect(log).not.toContain('canary-password');
  });
});
