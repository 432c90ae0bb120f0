import { createConnection } from 'node:net';
import type { PropertySpec } from '@mooring/contract/catalogue';
import type { Answer } from '@mooring/server/testing/api-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type AllowedSource,
  dialledProperties,
  type EgressStand,
  endOfTest,
  isRefusal,
  startEgressStand,
} from './egress-stand.js';

// A listener that must never be reached, and everything by which a person could aim the service at it.

let stand: EgressStand;
let count = 0;
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

async function useAll(id: string): Promise<Record<string, Answer>> {
  const at = (action: string) => `/api/v1/data-connections/${id}/actions/${action}`;
  const answers: Record<string, Answer> = { test: await stand.api.post(at('test'), {}) };
  for (const [action, body] of Object.entries(actions))
    answers[action] = await stand.api.post(at(action), body);
  return answers;
}

/** The properties with one of them aimed elsewhere. For a host, its port too. */
function aim({ datasourceID, properties }: AllowedSource, name: string, value: string): Properties {
  const isHost = dialledProperties(datasourceID).get(name) === 'host';
  return { ...properties, [name]: value, ...(isHost ? { port: stand.canary.port } : {}) };
}

/** Goes through every door with these properties, and holds each to a refusal. @returns which kind it was */
async function expectRefused(datasourceID: string, properties: Properties, what: string): Promise<string> {
  const unsaved = await testUnsaved(datasourceID, properties);
  const created = await create(datasourceID, properties);
  if (created.status !== 201) {
    expect([created.status, unsaved.status], `${what}: ${created.text}`).toEqual([400, 400]);
    return 'no such value';
  }
  expect(endOfTest(unsaved), what).toBe('route EGRESS-REFUSED');
  const { test, ...others } = await useAll(created.body.qID);
  expect(test && endOfTest(test), what).toBe('route EGRESS-REFUSED');
  for (const [action, answer] of Object.entries(others))
    expect(isRefusal(answer), `${what}, ${action}: ${answer.text}`).toBe(true);
  return 'refused at the gate';
}

/** S01, S02, S07 and S14: ways to write loopback and metadata services, and things that are no address at all. */
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
const targets = ['host', 'url'] as const;

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
    for (const { datasourceID, properties } of stand.sources) {
      if (datasourceID === 'mysql') continue;
      expect(endOfTest(await testUnsaved(datasourceID, properties)), datasourceID).toBe('firstRow ok');
      const { body } = await create(datasourceID, properties);
      expect((await useAll(body.qID))['browse']?.status, datasourceID).toBe(200);
    }
  });

  it('S01, S02, S07, S12, S14: refuses every spelling in every property that is dialled', async () => {
    const outcomes = new Map<string, number>();
    const dialled: string[] = [];
    for (const source of stand.sources) {
      for (const [name, kind] of dialledProperties(source.datasourceID)) {
        // Those of OAuth are dialled in exchanges of their own.
        if (source.datasourceID === 'rest' && name !== 'url') continue;
        dialled.push(`${source.datasourceID} ${name}`);
        for (const value of kind === 'host' ? hosts : urlsOf(stand.canary.port)) {
          const what = `${source.datasourceID} ${name}=${value}`;
          const outcome = await expectRefused(source.datasourceID, aim(source, name, value), what);
          outcomes.set(`${kind}: ${outcome}`, (outcomes.get(`${kind}: ${outcome}`) ?? 0) + 1);
        }
      }
    }
    expect(dialled).toEqual([
      'File_AmazonS3Connector endpoint',
      'File_AmazonS3ConnectorV2 endpoint',
      'mysql host',
      'postgres host',
      'rest url',
    ]);
    // Both ways of refusing were met, by hosts and by URLs.
    for (const kind of targets)
      for (const way of ['no such value', 'refused at the gate'])
        expect(outcomes.get(`${kind}: ${way}`), `${kind}, ${way}`).toBeGreaterThan(5);
  }, 240_000);

  it('S06: no text property of any source leads there, alone or beside the allowed destination', async () => {
    const { url, host, port } = stand.canary;
    const values = [url, `${host}:${port}`, `//${host}:${port}/`, `tcp(${host}:${port})`];
    let used = 0;
    const { body: catalogue } = await stand.api.get('/api/v1/data-sources');
    expect(catalogue.dataSources).toHaveLength(stand.sources.length);
    for (const { datasourceID, properties } of stand.sources) {
      const specs = await stand.api.get(`/api/v1/data-sources/${datasourceID}/api-specs`);
      const known: Record<string, PropertySpec> = specs.body.connectionProperties.properties;
      for (const [name, spec] of Object.entries(known)) {
        if (spec.type !== 'string') continue;
        for (const value of values) {
          await testUnsaved(datasourceID, { ...properties, [name]: value });
          const created = await create(datasourceID, { ...properties, [name]: value });
          expect([201, 400, 404], `${name}: ${created.text}`).toContain(created.status);
          if (created.status !== 201) continue;
          used += 1;
          for (const [action, answer] of Object.entries(await useAll(created.body.qID)))
            expect(answer.status, `${datasourceID} ${name}=${value} ${action}`).not.toBe(500);
        }
      }
    }
    expect(used).toBeGreaterThan(60);
  }, 240_000);

  it('S06: no path, page, query or column of a request leads there', async () => {
    const { url, host, port } = stand.canary;
    const paths = [
      url,
      `//${host}:${port}`,
      `/\\${host}:${port}`,
      `@${host}:${port}`,
      '..%2f..',
      `{${url}}`,
      '..',
    ];
    for (const { datasourceID, properties } of stand.sources) {
      const { body } = await create(datasourceID, properties);
      const at = (action: string) => `/api/v1/data-connections/${body.qID}/actions/${action}`;
      for (const one of paths) {
        for (const path of [[one], ['sales', one], [one, 'orders']]) {
          const answers = [
            await stand.api.post(at('browse'), { path, page: one }),
            await stand.api.post(at('preview'), { path }),
            await stand.api.post(at('read'), { path, columns: [one] }),
            await stand.api.post(at('preview'), { query: one }),
          ];
          for (const { status, text } of answers)
            expect(status, `${datasourceID} ${one}: ${text}`).not.toBe(500);
        }
      }
    }
  }, 120_000);
});

it('the canary counts whoever does come', async () => {
  expect(stand.connections()).toBe(0);
  const { host, port } = stand.canary;
  const socket = createConnection({ host, port }).on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(stand.canary.connections()).toBe(1);
  await stand.close();
});
