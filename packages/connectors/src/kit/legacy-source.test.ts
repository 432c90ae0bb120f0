import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Connector } from '../interface/connector.js';
import { ConnectorError } from '../interface/errors.js';
import { line, property } from '../interface/fields.js';
import { Secret } from '../interface/secret.js';
import { manifest as gbq } from '../sources/gbq/manifest.js';
import { createDirectNetwork } from '../suite/direct-network.js';
import { type LegacyManifest, legacySource } from './legacy-source.js';
import { manifestOf } from './manifest.js';
import { createRetries } from './retries.js';
import { revealText } from './secret-fields.js';
import { openUse, type RowStream } from './session/open-use.js';
import { endpointsOf } from './typed-input.js';

let server: Server;
let url: string;
let leave: (() => void) | undefined;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.headers.authorization !== 'Bearer canary') response.writeHead(401).end('canary');
    else if (request.url === '/slow') leave?.();
    else response.end(JSON.stringify([1, 2, 3].map((id) => ({ id, name: `n${id}` }))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const network = createDirectNetwork();
/** One list over HTTP. */
const connector: Connector = {
  targets: () => [{ host: 'a.example', port: 443, tls: 'implicit' }],
  async open({ properties, login: { fields } }, { network: given, signal }) {
    const rows = async (): Promise<{ id: number; name: string }[]> => {
      const headers = { authorization: `Bearer ${revealText(fields, 'token')}` };
      const answer = await given.fetch(String(properties['url']), { headers, signal }).catch((error) => {
        throw signal.aborted ? new ConnectorError('cancelled', 'stopped') : error;
      });
      if (answer.ok) return (await answer.json()) as { id: number; name: string }[];
      await answer.text();
      throw new ConnectorError('auth_failed', 'refused', { nativeCode: String(answer.status) });
    };
    return {
      ping: async () => void (await rows()),
      browse: async () => ({
        items: [{ name: 'items', kind: 'resource', path: ['items'], readable: true, container: true }],
      }),
      async read({ columns = ['id', 'name'], asText = [], limit, batchRows }) {
        const found = (await rows()).slice(0, limit);
        const cells = found.map((row) =>
          columns.map((name) => (name === 'name' ? row.name : asText.includes('id') ? `${row.id}` : row.id)),
        );
        const typeOf = (name: string) => (name === 'name' || asText.includes(name) ? 'string' : 'integer');
        return {
          columns: columns.map((name) => ({ name, type: typeOf(name), nullable: true })),
          batches: (async function* () {
            for (let at = 0; at < cells.length; at += batchRows) yield cells.slice(at, at + batchRows);
          })(),
        };
      },
      close: async () => undefined,
    };
  },
};

const secretText = (title: string, holder: 'credential' | 'connection') =>
  property(line().optional(), { title, description: title, secret: true, holder });

const manifest: LegacyManifest = {
  ...{ id: 'toy', name: 'Toy', category: 'api', stage: 'beta', links: [], icon: '<svg/>' },
  properties: z.strictObject({
    url: property(line(), { title: 'URL', description: 'URL.' }),
    token: secretText('Token', 'credential'),
    clientSecret: secretText('Client secret', 'connection'),
  }),
  signIns: [{ id: 'bearer', label: 'Token', fields: ['token'], required: ['token'] }],
  capabilities: { readPath: true, readQuery: false, readOnlyAtSource: false, browseDepth: 1 },
  evidence: { verifiedAgainst: [], notVerified: [], limits: [] },
  targets: connector.targets,
  load: async () => ({ connector }),
};

const source = legacySource(manifest);
const call = (signal = new AbortController().signal) => ({ signal, isPreview: true });
const opened = (path: string, token = 'canary') =>
  openUse(
    source,
    {
      definition: { url: `${url}${path}`, allowWithConnection: true },
      method: 'bearer',
      fields: { token: new Secret(token) },
      settings: {},
    },
    { network, retries: createRetries(), signal: new AbortController().signal },
  );
const rowsOf = async ({ batches }: RowStream) => {
  const rows = [];
  for await (const batch of batches) if ('rows' in batch) rows.push(...batch.rows);
  return rows;
};

describe('a source of the first interface, opened as one of the second', () => {
  it('proves its login, browses, and reads what was asked for', async () => {
    const use = await opened('/items');
    expect(await use.ping(call())).toEqual({});
    expect((await use.browse({ path: [], limit: 9 }, call())).items).toMatchObject([{ path: ['items'] }]);
    const target = { path: ['items'] };
    const asked = { columns: ['name', 'id'], asText: ['id'], limit: 2, batchRows: 10 };
    const stream = await use.read({ target, ...asked }, call());
    expect(stream.columns.map(({ name, type }) => [name, type])).toEqual([
      ['name', 'string'],
      ['id', 'string'],
    ]);
    expect(await rowsOf(stream)).toEqual([
      ['n1', '1'],
      ['n2', '2'],
    ]);
    const whole = await use.read({ target, batchRows: 10 }, call());
    expect(await rowsOf(whole)).toHaveLength(3);
    const sorted = use.read({ target, batchRows: 9, orderBy: [{ column: 'id', direction: 'asc' }] }, call());
    await expect(sorted).rejects.toMatchObject({ kind: 'unsupported' });
    await use.close();
    expect(await network.idle(2_000)).toBe(true);
  });

  it('keeps its own translation of failures', async () => {
    const use = await opened('/items', 'wrong');
    await expect(use.ping(call())).rejects.toMatchObject({ kind: 'auth_failed', nativeCode: '401' });
    await use.close();
  });

  it('stops at once when its call is aborted', async () => {
    const use = await opened('/slow');
    const stop = new AbortController();
    leave = () => stop.abort();
    await expect(use.ping(call(stop.signal))).rejects.toMatchObject({ kind: 'cancelled' });
    await use.close();
    expect(await network.idle(2_000)).toBe(true);
  });

  it('has the endpoints, logins and abilities of its manifest', () => {
    expect(endpointsOf(source, { url: 'https://a.example/x' }, {})).toEqual([
      { role: 'data', host: 'a.example', port: 443, security: 'tls' },
    ]);
    const bigQuery = legacySource(gbq);
    expect(endpointsOf(bigQuery, {}, { apiEndpoint: 'http://b.example' })).toMatchObject([
      { role: 'data', host: 'b.example', security: 'none' },
      { role: 'token', host: 'oauth2.googleapis.com' },
    ]);
    expect(bigQuery.logins['google-oauth']?.needs).toEqual([['Catalog']]);
    expect(Object.keys(bigQuery.logins['service-account']?.fields ?? {})).toEqual([
      'Email',
      'KeyFilePath',
      'P12CustomPwd',
    ]);
    expect(bigQuery.abilities).toMatchObject({ query: { parameters: 'none' }, cancel: 'at-source' });
    expect(Object.keys(source.clientSecrets ?? {})).toContain('clientSecret');
    expect(manifestOf(bigQuery).signIns).toBe(gbq.signIns);
  });
});
