import { sourceOf } from '@mooring/connectors/registry';
import type { PropertySpec } from '@mooring/contract/data-source-schema';
import { startCanary } from '@mooring/lab/canary';
import { knowNoSecret } from '@mooring/lab/known-secrets';
import { full } from '@mooring/lab/test-tier';
import { type Answer, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hosts, urlsOf } from './egress-spellings.js';
import { type EgressStand, endOfTest, isRefusal, startEgressStand } from './egress-stand.js';
import { inParallel } from './in-parallel.js';
import { startMooring } from './mooring-process.js';
import {
  connectionWith,
  dialledIn,
  dialledProperties,
  endpointsWith,
  leadingConnections,
  portOf,
  type RunningSource,
  signsInAsItself,
  targetOf,
} from './running-sources.js';

// A listener that must never be reached, and every way by which a user could aim the service at it.

let stand: EgressStand;
let count = 0;
let turns = 0;
const concurrency = 6;
/** In the quick tier each value goes into one of this many properties, in turns, and each property gets some. */
const every = full(1, 6);
beforeAll(async () => {
  stand = await startEgressStand();
});
afterAll(() => stand.close());
afterEach(() => expect(stand.connections(), 'connections at the canary').toBe(0));

type Properties = Readonly<Record<string, unknown>>;

const testUnsaved = (datasourceID: string, connectionProperties: Properties) =>
  stand.api.post('/api/v1/data-connections/actions/test', { datasourceID, connectionProperties });

async function create(datasourceID: string, connectionProperties: Properties): Promise<Answer> {
  count += 1;
  return stand.api.post('/api/v1/data-connections', {
    datasourceID,
    qName: `Connection ${count}`,
    connectionProperties,
  });
}

/** What the service has logged of an answer. */
const faultOf = (text: string): string =>
  stand.mooring
    .logText()
    .split('\n')
    .filter((line) => line.includes(/"traceId":"([^"]+)"/.exec(text)?.[1] ?? 'no trace'))
    .join('\n');

/** Every door that leads to a source. @param target of the reads */
async function useAll(
  id: string,
  { target, hasBytes }: { target: object; hasBytes: boolean },
): Promise<Record<string, Answer>> {
  const use = (action: string, body: object, headers?: Record<string, string>) =>
    stand.api.post(`/api/v1/data-connections/${id}/actions/${action}`, body, headers);
  const bytes = { accept: 'application/octet-stream' };
  turns += 1;
  const isEven = turns % 2 === 0;
  const all = full(1, 0) === 1;
  // In the quick tier describe and preview in turns, and rows and bytes.
  const [skipped, other] = isEven ? ['describe', 'bytes'] : ['preview', 'read'];
  const doors: [string, () => Promise<Answer>][] = [
    ['test', () => use('test', {})],
    ['browse', () => use('browse', {})],
    ['describe', () => use('describe', target)],
    ['preview', () => use('preview', target)],
    ['read', () => use('read', target)],
    ...(hasBytes ? [['bytes', () => use('read', target, bytes)] satisfies [string, unknown]] : []),
  ];
  const answers: Record<string, Answer> = {};
  for (const [door, ask] of doors)
    if (all || (door !== skipped && (door !== other || !hasBytes))) answers[door] = await ask();
  return answers;
}

const doorsOf = (source: RunningSource, name = '') => ({
  target: targetOf(source, connectionWith(source, name)),
  hasBytes: sourceOf(source.id).abilities.bytes,
});

/** Each URL in an uploaded file leads to the canary: none of them is for the service to call. */
function trapped(properties: Properties): Properties {
  const entries = Object.entries(properties).map(([name, held]) => {
    if (!Array.isArray(held)) return [name, held];
    const files = held.map((file) =>
      typeof file?.value === 'string' && file.value.startsWith('{')
        ? { ...file, value: file.value.replaceAll(/"https?:[^"]*"/g, JSON.stringify(stand.canary.url)) }
        : file,
    );
    return [name, files];
  });
  return Object.fromEntries(entries);
}

/** A connection that sets this property, with it aimed elsewhere; of a host, its port too. */
function aim(source: RunningSource, name: string, value: string, port = stand.canary.port): Properties {
  const { properties } = connectionWith(source, name);
  const isHost = dialledProperties(source.id).get(name) === 'host';
  return {
    ...trapped(properties),
    [name]: value,
    ...(isHost ? { [portOf(source.id, properties, name)]: port } : {}),
  };
}

/** Properties that a use dials; those of sign-ins are dialled in exchanges, for which there is another test. */
const dialledInUse = (source: RunningSource): [name: string, kind: 'host' | 'url'][] =>
  [...dialledProperties(source.id)].filter(
    ([name]) => dialledIn(source.id, connectionWith(source, name).properties, name) === 'use',
  );

interface Aimed {
  source: RunningSource;
  /** The property that is aimed. */
  name: string;
  properties: Properties;
}

/** Goes through every door with these properties, and holds each to a refusal. @returns which kind it was */
async function expectRefused({ source, name, properties }: Aimed, what: string): Promise<string> {
  const unsaved = await testUnsaved(source.id, properties);
  const created = await create(source.id, properties);
  if (created.status !== 201) {
    expect([created.status, unsaved.status], `${what}: ${created.text}`).toEqual([400, 400]);
    return 'no such value';
  }
  expect(endOfTest(unsaved), what).toBe('route EGRESS-REFUSED');
  const { test, ...answers } = await useAll(created.body.qID, doorsOf(source, name));
  expect(test && endOfTest(test), what).toBe('route EGRESS-REFUSED');
  for (const [action, answer] of Object.entries(answers)) {
    if (source.unasked.includes(action)) continue;
    expect(isRefusal(answer), `${what}, ${action}: ${answer.text}`).toBe(true);
  }
  return 'refused at the gate';
}

describe('destinations that are not allowed', () => {
  it('lets the allowed ones through, with an environment that would lead elsewhere (S11)', async () => {
    for (const source of stand.sources) {
      for (const connection of leadingConnections(source)) {
        const what = `${source.id} ${connection.name}`;
        const properties = trapped(connection.properties);
        // A client's token is of a connection that is there.
        if (!signsInAsItself(source.id, properties))
          expect(endOfTest(await testUnsaved(source.id, properties)), what).toBe('firstRow ok');
        const { body, text } = await create(source.id, properties);
        expect(body.qID, text).toBeDefined();
        const answers = await useAll(body.qID, { ...doorsOf(source), target: targetOf(source, connection) });
        expect(answers['test'] && endOfTest(answers['test']), what).toBe('firstRow ok');
        for (const [action, answer] of Object.entries(answers))
          expect(answer.status, `${what} ${action}: ${answer.text}`).toBe(200);
      }
    }
  });

  it('S01, S02, S07, S12, S14: refuses every spelling in every property that is dialled', async () => {
    const tasks: (() => Promise<string>)[] = [];
    const turns = { host: 0, url: 0 };
    for (const source of stand.sources) {
      for (const [name, kind] of dialledInUse(source)) {
        // In the quick tier each spelling goes into one of the hosts and into one of the URLs, in turns.
        const of = full(1, 6);
        turns[kind] += 1;
        const turn = turns[kind];
        for (const [index, value] of (kind === 'host' ? hosts : urlsOf(stand.canary.port)).entries()) {
          if ((index + turn) % of !== 0) continue;
          const what = `${source.id} ${name}=${value}`;
          const aimed = { source, name, properties: aim(source, name, value) };
          tasks.push(async () => `${kind}: ${await expectRefused(aimed, what)}`);
        }
      }
    }
    const outcomes = await inParallel(concurrency, tasks);
    // Both ways of refusing were met, by hosts and by URLs.
    for (const kind of ['host', 'url'])
      for (const way of ['no such value', 'refused at the gate'])
        expect(outcomes.filter((one) => one === `${kind}: ${way}`).length, `${kind}, ${way}`).toBeGreaterThan(
          full(9, 2),
        );
  });

  it('S01: whatever a connection leads to stands in a property that is tried here, or in the settings', () => {
    const tried = stand.sources.map((source) => [source.id, dialledInUse(source).length > 0]);
    expect(tried.filter(([id, isTried]) => !isTried && !stand.settings[String(id)])).toEqual([]);
    for (const source of stand.sources) {
      for (const { name, properties } of source.started.good) {
        const shown = [...dialledProperties(source.id).keys()].map((one) => String(properties[one]));
        const places = [...shown, ...Object.values(stand.settings[source.id] ?? {}).map(String)].join('\n');
        for (const { host } of endpointsWith(source.id, properties, source.started.settings))
          expect(places, `${source.id} ${name}`).toContain(host);
      }
    }
  });

  it('S06: no text property of any source leads there, beside the allowed destination or instead of it', async () => {
    const { url, host, port } = stand.canary;
    const values = [url, `${host}:${port}`, `//${host}:${port}/`];
    // They go into every property in turn, into those of secrets too.
    for (const value of values) knowNoSecret(value);
    const { body: registry } = await stand.api.get('/api/v1/data-sources');
    expect(registry.dataSources).toHaveLength(stand.sources.length);
    const tasks: (() => Promise<boolean>)[] = [];
    for (const source of stand.sources) {
      const specs = await stand.api.get(`/api/v1/data-sources/${source.id}/api-specs`);
      const known: Record<string, PropertySpec> = specs.body.connectionProperties.properties;
      for (const [row, [name, { type }]] of Object.entries(known).entries()) {
        if (type !== 'string') continue;
        const properties = trapped(connectionWith(source, name).properties);
        for (const [index, value] of values.entries()) {
          if ((index + row) % every === 0)
            tasks.push(() => useOnce({ source, name, properties: { ...properties, [name]: value } }));
        }
      }
    }
    const wasUsed = await inParallel(concurrency, tasks);
    expect(tasks.length).toBeGreaterThan(150 / every);
    expect(wasUsed.filter(Boolean).length).toBeGreaterThan(60 / every);
  });

  /** @returns whether there was a connection to use */
  async function useOnce({ source, name, properties }: Aimed): Promise<boolean> {
    await testUnsaved(source.id, properties);
    const created = await create(source.id, properties);
    expect([201, 400, 404], created.text).toContain(created.status);
    if (created.status !== 201) return false;
    const answers = await useAll(created.body.qID, doorsOf(source, name));
    for (const [action, { status, text }] of Object.entries(answers))
      expect(status, `${source.id} ${name} ${action}: ${text} ${faultOf(text)}`).not.toBe(500);
    return true;
  }

  it('S08: no path, page, query or column of a request leads there', async () => {
    const { url, host, port } = stand.canary;
    const parts = [
      url,
      `//${host}:${port}`,
      `/\\${host}:${port}`,
      `@${host}:${port}`,
      '..%2f..',
      `{${url}}`,
      '..',
    ];
    const tasks: (() => Promise<Answer>)[] = [];
    for (const [sourceIndex, { id, started }] of stand.sources.entries()) {
      const { body } = await create(id, started.good[0].properties);
      const use = (action: string, request: object) => () =>
        stand.api.post(`/api/v1/data-connections/${body.qID}/actions/${action}`, request);
      for (const [index, part] of parts.entries()) {
        if ((index + sourceIndex) % every !== 0) continue;
        tasks.push(use('browse', { page: part }), use('preview', { query: part }));
        for (const path of [[part], ['sales', part], [part, 'orders.csv']]) {
          tasks.push(
            use('browse', { path }),
            use('preview', { path }),
            use('read', { path, columns: [part] }),
          );
        }
      }
    }
    for (const { status, text } of await inParallel(concurrency, tasks)) expect(status, text).not.toBe(500);
  });
});

it('without that policy each of these properties does lead there, so the canary would have shown it', async () => {
  const [open, canary] = [await startMooring(), await startCanary()];
  const api = apiClient(open.url, open.adminKey);
  try {
    for (const source of stand.sources) {
      for (const [name, kind] of dialledInUse(source)) {
        const before = canary.connections();
        const value = kind === 'host' ? canary.host : canary.url;
        const connectionProperties = aim(source, name, value, canary.port);
        const body = { datasourceID: source.id, connectionProperties };
        await api.post('/api/v1/data-connections/actions/test', body);
        expect(canary.connections(), `${source.id} ${name}`).toBeGreaterThan(before);
      }
    }
  } finally {
    await canary.close();
    await open.stop();
  }
});
