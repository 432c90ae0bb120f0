import type { PropertySpec } from '@mooring/contract/data-source-schema';
import { startCanary } from '@mooring/lab/canary';
import { knowNoSecret } from '@mooring/lab/known-secrets';
import { full } from '@mooring/lab/test-tier';
import { type Answer, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type AllowedSource,
  dialledProperties,
  type EgressStand,
  endOfTest,
  isRefusal,
  startEgressStand,
} from './egress-stand.js';
import { inParallel } from './in-parallel.js';
import { startMooring } from './mooring-process.js';

// A listener that must never be reached, and every way by which a user could aim the service at it.

let stand: EgressStand;
let count = 0;
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

async function useAll(id: string, { path }: AllowedSource): Promise<Record<string, Answer>> {
  const use = (action: string, body: object) =>
    stand.api.post(`/api/v1/data-connections/${id}/actions/${action}`, body);
  return {
    test: await use('test', {}),
    browse: await use('browse', {}),
    preview: await use('preview', { path }),
    read: await use('read', { path }),
  };
}

/** The property with the port that belongs to a host. */
function portOf(properties: Properties, name: string): string {
  if (name === 'tunnelHost') return 'tunnelPort';
  return 'sftpPort' in properties ? 'sftpPort' : 'port';
}

/** The properties with one of them aimed elsewhere. For a host, its port too. */
function aim({ datasourceID, properties }: AllowedSource, name: string, value: string): Properties {
  const isHost = dialledProperties(datasourceID).get(name) === 'host';
  return {
    ...properties,
    [name]: value,
    ...(isHost ? { [portOf(properties, name)]: stand.canary.port } : {}),
  };
}

/** Goes through every door with these properties, and holds each to a refusal. @returns which kind it was */
async function expectRefused(source: AllowedSource, properties: Properties, what: string): Promise<string> {
  const { datasourceID } = source;
  const unsaved = await testUnsaved(datasourceID, properties);
  const created = await create(datasourceID, properties);
  if (created.status !== 201) {
    expect([created.status, unsaved.status], `${what}: ${created.text}`).toEqual([400, 400]);
    return 'no such value';
  }
  expect(endOfTest(unsaved), what).toBe('route EGRESS-REFUSED');
  const { test, browse, ...reads } = await useAll(created.body.qID, source);
  expect(test && endOfTest(test), what).toBe('route EGRESS-REFUSED');
  // The one resource of a REST connection is known without asking.
  const answers = datasourceID === 'rest' ? reads : { browse, ...reads };
  for (const [action, answer] of Object.entries(answers))
    expect(answer && isRefusal(answer), `${what}, ${action}: ${answer?.text}`).toBe(true);
  return 'refused at the gate';
}

/** S01, S02, S07 and S14: ways to write loopback and metadata services, and things that are not addresses at all. */
const hosts = [
  '127.0.0.1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '0.0.0.0',
  '0',
  '[::]',
  '[::1]',
  '::1',
  '[::ffff:127.0.0.1]',
  '::ffff:127.0.0.1',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '127.0.0.1.',
  '127.0.0.2',
  '127.255.255.254',
  '１２７.０.０.１',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  'user@127.0.0.1',
  'user:password@127.0.0.1',
  '127.0.0.1%00.example.com',
  '127.0.0.1\u0000.example.com',
  '127.0.0.1#.example.com',
  '127.0.0.1/.example.com',
  '127.0.0.1\\.example.com',
  '169.254.169.254',
  '[fd00:ec2::254]',
  'fd00:ec2::254',
  '100.100.100.200',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:a9fe:a9fe::]',
  '/var/run/postgresql',
  '@abstract',
  '%2Fvar%2Frun',
];
const schemes = ['file', 'gopher', 'ftp', 'data', 'unix', 'jar:http', 'http+unix', 'ws', 'javascript'];

const urlsOf = (port: number) => [
  ...hosts.flatMap((host) => [`http://${host}:${port}/items`, `https://${host}:${port}/`]),
  ...hosts.map((host) => `http://${host}:${port}`),
  ...schemes.map((scheme) => `${scheme}://127.0.0.1:${port}/items`),
  `//127.0.0.1:${port}/items`,
  `http:127.0.0.1:${port}`,
  `http:\\\\127.0.0.1:${port}`,
  `http://allowed.example@127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}@127.0.0.1:${port}/`,
];

describe('destinations that are not allowed', () => {
  it('lets the allowed ones through, with an environment that would lead elsewhere (S11)', async () => {
    for (const source of stand.sources) {
      const { datasourceID, properties, isClosed } = source;
      if (isClosed) continue;
      expect(endOfTest(await testUnsaved(datasourceID, properties)), datasourceID).toBe('firstRow ok');
      const { body } = await create(datasourceID, properties);
      for (const [action, { status, text }] of Object.entries(await useAll(body.qID, source)))
        expect(status, `${datasourceID} ${action}: ${text}`).toBe(200);
    }
  });

  it('S01, S02, S07, S12, S14: refuses every spelling in every property that is dialled', async () => {
    const tasks: (() => Promise<string>)[] = [];
    const dialled: string[] = [];
    const turns = { host: 0, url: 0 };
    for (const source of stand.sources) {
      for (const [name, kind] of dialledProperties(source.datasourceID)) {
        dialled.push(`${source.datasourceID} ${name}`);
        // Those of OAuth are dialled in exchanges of their own, for which there is another test.
        if (source.datasourceID === 'rest' && name !== 'url') continue;
        // In the quick tier each spelling goes into one of the hosts and into one of the URLs, in turns.
        const of = kind === 'host' ? full(1, 4) : full(1, 6);
        turns[kind] += 1;
        const turn = turns[kind];
        for (const [index, value] of (kind === 'host' ? hosts : urlsOf(stand.canary.port)).entries()) {
          if ((index + turn) % of !== 0) continue;
          const what = `${source.datasourceID} ${name}=${value}`;
          const properties = aim(source, name, value);
          tasks.push(async () => `${kind}: ${await expectRefused(source, properties, what)}`);
        }
      }
    }
    expect(dialled).toEqual([
      'File_AmazonS3Connector endpoint',
      'File_AmazonS3ConnectorV2 endpoint',
      'File_FileTransferConnector host',
      'clickhouse host',
      'mariadb host',
      'mysql host',
      'postgres host',
      'postgres tunnelHost',
      'github url',
      'rest url',
      ...[
        'authorizationUrl',
        'tokenUrl',
        'revocationUrl',
        'issuer',
        'deviceAuthorizationUrl',
        'pushedAuthorizationUrl',
      ].map((name) => `rest ${name}`),
    ]);
    const outcomes = await inParallel(concurrency, tasks);
    // Both ways of refusing were met, by hosts and by URLs.
    for (const kind of ['host', 'url'])
      for (const way of ['no such value', 'refused at the gate'])
        expect(outcomes.filter((one) => one === `${kind}: ${way}`).length, `${kind}, ${way}`).toBeGreaterThan(
          full(9, 2),
        );
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
      const { datasourceID, properties } = source;
      const specs = await stand.api.get(`/api/v1/data-sources/${datasourceID}/api-specs`);
      const known: Record<string, PropertySpec> = specs.body.connectionProperties.properties;
      for (const [row, [name, { type }]] of Object.entries(known).entries()) {
        if (type !== 'string') continue;
        for (const [index, value] of values.entries()) {
          if ((index + row) % every === 0)
            tasks.push(() => useOnce(source, { ...properties, [name]: value }));
        }
      }
    }
    const wasUsed = await inParallel(concurrency, tasks);
    expect(tasks.length).toBeGreaterThan(150 / every);
    expect(wasUsed.filter(Boolean).length).toBeGreaterThan(60 / every);
  });

  /** @returns whether there was a connection to use */
  async function useOnce(source: AllowedSource, properties: Properties): Promise<boolean> {
    await testUnsaved(source.datasourceID, properties);
    const created = await create(source.datasourceID, properties);
    expect([201, 400, 404], created.text).toContain(created.status);
    if (created.status !== 201) return false;
    for (const [action, { status, text }] of Object.entries(await useAll(created.body.qID, source)))
      expect(status, `${JSON.stringify(properties)} ${action}: ${text}`).not.toBe(500);
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
    for (const [sourceIndex, { datasourceID, properties }] of stand.sources.entries()) {
      const { body } = await create(datasourceID, properties);
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
    for (const { datasourceID, properties } of stand.sources) {
      for (const [name, kind] of dialledProperties(datasourceID)) {
        if (datasourceID === 'rest' && name !== 'url') continue;
        const before = canary.connections();
        const port = portOf(properties, name);
        const aimed = kind === 'host' ? { [name]: canary.host, [port]: canary.port } : { [name]: canary.url };
        const connectionProperties = { ...properties, ...aimed };
        await api.post('/api/v1/data-connections/actions/test', { datasourceID, connectionProperties });
        expect(canary.connections(), `${datasourceID} ${name}`).toBeGreaterThan(before);
      }
    }
  } finally {
    await canary.close();
    await open.stop();
  }
});
