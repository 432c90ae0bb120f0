import { generateKeyPairSync } from 'node:crypto';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { clientCertificateFile } from '@mooring/lab/client-certificate-file';
import { type LabRestApi, startRestApi } from '@mooring/lab/rest-api';
import { sampleItems } from '@mooring/lab/rest-resources';
import { full } from '@mooring/lab/test-tier';
import type { Values } from '../../interface/login.js';
import { Secret } from '../../interface/secret.js';
import type { Connection, Fresh, SourceHarness, StartedSource, Surroundings } from '../../suite/harness.js';
import { startSilentHttp } from '../../suite/silent-server.js';
import { startTellingHttp } from '../../suite/telling-servers.js';
import { destinations } from './__fixtures__/destinations.js';

/** The one resource of a connection, whatever its name is. */
const target = { path: [] };
const closed = 'http://127.0.0.1:9/items';
const granted = 'granted-by-the-harness';

const privateKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  }) as string;

/** Of the lab's items. */
const types = [
  {
    title: 'all JSON has',
    read: { path: ['items'] },
    columns: [
      { name: 'id', type: 'integer' },
      { name: 'name', type: 'string' },
      { name: 'price', type: 'float' },
      { name: 'large', type: 'string' },
      { name: 'active', type: 'boolean' },
      { name: 'note', type: 'string' },
      { name: 'tags', type: 'json' },
      { name: 'owner', type: 'json' },
      { name: 'created', type: 'string' },
    ],
    rows: sampleItems.map(Object.values),
  },
] as const;

const connection = (name: string, properties: Values): Connection => ({ name, properties, target });

function goodOnes(lab: LabRestApi, provider: Surroundings['provider']): StartedSource['good'] {
  const at = (path: string) => `${lab.url}${path}`;
  const { header: apiKeyHeader, value: apiKey } = lab.apiKey;
  const machine = provider
    ? { tokenUrl: provider.tokenUrl, ...provider.server.machineClient }
    : { tokenUrl: at('/token'), clientId: 'c', clientSecret: 'canary-client' };
  return [
    connection('basic', { url: at('/basic/items'), authSchema: 'basic', ...lab.basic }),
    connection('bearer', { url: at('/bearer/items'), authSchema: 'bearer', bearerToken: lab.bearer }),
    connection('key', { url: at('/key/items'), authSchema: 'apiKey', apiKeyHeader, apiKey }),
    connection('header', {
      url: at('/bearer/items'),
      queryHeaders: [{ name: 'Authorization', value: `Bearer ${lab.bearer}`, encrypt: true }],
    }),
    {
      ...connection('machine', {
        ...{ url: at('/oauth/items'), authSchema: 'oauth2ClientCredentials', ...machine },
      }),
      ...(provider ? {} : { token: async () => new Secret(granted) }),
    },
  ];
}

/** Every status with every sign-in (quick tier: alternating sign-ins), with the secret in all parts of the answer. */
const tellingOnes = (url: string, { awkward, plain }: Fresh): Connection[] =>
  [302, 400, 401, 403, 404, 429, 500, 503].flatMap((status, row) => {
    const at = `${url}/${status === 401 ? 'html' : 'json'}/${status}`;
    const use = (signIn: string, properties: object) =>
      connection(`${status} ${signIn}`, { url: at, ...properties });
    return [
      use('basic', { authSchema: 'basic', username: 'reporter', password: awkward('basic') }),
      use('key', { authSchema: 'apiKey', apiKeyHeader: 'X-Api-Key', apiKey: plain('key') }),
      use('bearer', { authSchema: 'bearer', bearerToken: plain('bearer') }),
      use('header', { queryHeaders: [{ name: 'X-Secret', value: plain('header'), encrypt: true }] }),
    ].filter((_, column) => (row + column) % full(1, 4) === 0);
  });

function certificateOne(lab: LabRestApi, { awkward }: Fresh): Connection {
  const mutualPfxCertificateKey = awkward('pfx');
  const value = clientCertificateFile(createCertificateAuthority().issue(['me']), mutualPfxCertificateKey);
  return connection('certificate', {
    url: `${lab.url.replace('http:', 'https:')}/anonymous/items`,
    ...{ enableMutualSSL: true, mutualPfxCertificateFiles: [{ name: 'me.pfx', value }] },
    mutualPfxCertificateKey,
  });
}

/** Whose provider refuses, or repeats what it received. */
function ofProviders(lab: LabRestApi, telling: string, { awkward }: Fresh, machine: Values): Connection[] {
  const url = `${lab.url}/oauth/items`;
  const client = { url, authSchema: 'oauth2ClientCredentials', ...machine };
  const [told, page] = [`${telling}/json/400`, `${telling}/html/500`];
  return [
    connection('machine wrong', { ...client, clientSecret: awkward('wrong') }),
    connection('machine key', {
      ...{ url, authSchema: 'oauth2ClientCredentials', tokenUrl: told, clientId: 'machine' },
      ...{ clientAuthentication: 'private_key_jwt', clientPrivateKey: privateKey() },
    }),
    connection('service account', {
      ...{ url, authSchema: 'oauth2JwtBearer', tokenUrl: told },
      ...{ assertionIssuer: 'robot', assertionPrivateKey: privateKey() },
    }),
    connection('provider telling', { ...client, tokenUrl: told }),
    connection('provider page', { ...client, tokenUrl: page }),
  ];
}

/** Signs in at the provider, which issues a refresh token only after consent. */
function signInOf(lab: LabRestApi, { server, tokenUrl }: NonNullable<Surroundings['provider']>): Connection {
  return connection('sign-in', {
    ...{ url: `${lab.url}/oauth/items`, authSchema: 'oauth2', scope: 'openid offline_access' },
    ...{ authorizationUrl: `${server.authorizationEndpoint}?prompt=consent`, tokenUrl },
    ...{ revocationUrl: `${tokenUrl}/revocation`, ...server.client },
  });
}

async function start({ provider }: Surroundings = {}): Promise<StartedSource> {
  const verifyAccessToken =
    provider?.server.verifyAccessToken ?? (async (token: string) => ({ active: token === granted }));
  const lab = await startRestApi({ verifyAccessToken });
  const [telling, silent] = [await startTellingHttp(), await startSilentHttp()];
  const good = goodOnes(lab, provider);
  const [basic] = good;
  const { url: _, ...machine } = good[4]?.properties ?? {};
  const changed = (name: string, change: object): Connection =>
    connection(name, { ...basic.properties, ...change });
  return {
    good,
    wrong: changed('wrong', { password: 'a-wrong-password-canary' }),
    unreachable: changed('unreachable', { url: closed }),
    refused: (fresh) => [
      changed('wrong', { password: fresh.awkward('wrong') }),
      changed('closed', { url: closed, password: fresh.awkward('closed') }),
      certificateOne(lab, fresh),
      ...ofProviders(lab, telling.url, fresh, machine),
      ...tellingOnes(telling.url, fresh),
    ],
    ...(provider ? { bySignIn: [signInOf(lab, provider)] } : {}),
    readable: { path: ['items'], rows: sampleItems.length },
    types,
    slow: {
      connection: changed('silent', { url: `${silent.url}/items` }),
      read: { path: ['items'] },
      isRunning: silent.isWaiting,
    },
    async close() {
      await lab.close();
      await telling.close();
      await silent.close();
    },
  };
}

export const harness: SourceHarness = { destinations, start, unasked: ['browse'] };
