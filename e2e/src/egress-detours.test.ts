import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { type LabRestApi, startRestApi } from '@mooring/lab/rest-api';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { full } from '@mooring/lab/test-tier';
import type { Answer } from '@mooring/server/testing/api-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EgressStand, endOfTest, isRefusal, startEgressStand } from './egress-stand.js';
import { signInAndCopyCode } from './sign-in-lab.js';

// Processes start and stop in these tests; a machine with other work must not fail them.
// Allowed servers and providers that send the service on to a place that is not allowed, and the endpoints of OAuth.

let stand: EgressStand;
let rest: LabRestApi;
let s3: LabS3;
let bigquery: LabBigQuery;
let count = 0;
beforeAll(async () => {
  stand = await startEgressStand(async ({ verifyAccessToken }) => {
    rest = await startRestApi({ verifyAccessToken });
    s3 = await startS3();
    bigquery = await startBigQuery({ verifyAccessToken, rowsInBig: 10 });
    const { url } = bigquery;
    return {
      urls: [rest.url, s3.url, url],
      settings: { gbq: { apiEndpoint: url, tokenEndpoint: `${url}/token` } },
      async close() {
        for (const part of [rest, s3, bigquery]) await part.close();
      },
    };
  });
});
afterAll(() => stand.close());
afterEach(() => expect(stand.connections(), 'connections at the canary').toBe(0));

type Properties = Readonly<Record<string, unknown>>;
const codeOf = ({ body }: Answer): string => body?.errors?.[0]?.code;

const post = (datasourceID: string, connectionProperties: Properties, more: object = {}) => {
  count += 1;
  const body = { datasourceID, qName: `Connection ${count}`, connectionProperties, ...more };
  return stand.api.post('/api/v1/data-connections', body);
};

async function create(datasourceID: string, properties: Properties): Promise<string> {
  const { status, body, text } = await post(datasourceID, properties);
  expect(status, text).toBe(201);
  return body.qID;
}

const use = (id: string, action: string, body: object = {}) =>
  stand.api.post(`/api/v1/data-connections/${id}/actions/${action}`, body);

/** test, preview and read of a resource that needs no path. */
const useAll = async (id: string) => [
  await use(id, 'test'),
  await use(id, 'preview', { path: [] }),
  await use(id, 'read', { path: [] }),
];

const restAt = (path: string) => ({
  url: `${rest.url}/basic${path}`,
  authSchema: 'basic',
  ...rest.basic,
});

describe('an allowed source that leads elsewhere', () => {
  const placesOf = ({ url, host, port }: EgressStand['canary']) => [
    `${url}/items`,
    `//${host}:${port}/items`,
    `http://localhost:${port}/items`,
    `http://[::1]:${port}/items`,
    `https://${host}:${port}/items`,
    `http://user:password@${host}:${port}/items`,
    `http:\\\\${host}:${port}/items`,
    `file:///etc/hostname`,
  ];

  it('S03: follows no redirect out of its origin, whatever the status and the spelling', async () => {
    for (const [row, status] of [301, 302, 303, 307, 308].entries()) {
      for (const [column, to] of placesOf(stand.canary).entries()) {
        // In the quick tier each status and each place, but not each pair of them.
        if ((row + column) % full(1, 4) !== 0) continue;
        const id = await create(
          'rest',
          restAt(`/faults/redirect?${new URLSearchParams({ status: String(status), to })}`),
        );
        const [test, ...reads] = await useAll(id);
        expect(test && endOfTest(test), to).toMatch(/^signIn (SOURCE|EGRESS)/);
        for (const answer of reads) expect(codeOf(answer), `${status} ${to}`).toMatch(/^(SOURCE|EGRESS)/);
      }
    }
  });

  it('S03: follows a redirect at home, and not the one behind it that leads away', async () => {
    const home = await create('rest', restAt('/faults/redirect'));
    expect((await use(home, 'preview', { path: [] })).body.rows).toHaveLength(25);
    const away = new URLSearchParams({ to: `${stand.canary.url}/items` });
    const to = `${rest.url}/basic/faults/redirect?${away}`;
    const twice = await create('rest', restAt(`/faults/redirect?${new URLSearchParams({ to })}`));
    expect(codeOf(await use(twice, 'preview', { path: [] }))).toMatch(/^(SOURCE|EGRESS)/);
  });

  it('S03, S08: asks for no next page elsewhere, with no login', async () => {
    for (const to of placesOf(stand.canary)) {
      const paging = { PaginationType: 'NextUrl', dataPath: 'items' };
      const id = await create('rest', {
        ...restAt(`/faults/next-elsewhere?${new URLSearchParams({ to })}`),
        ...paging,
      });
      const read = await use(id, 'preview', { path: [], limit: 100 });
      expect(codeOf(read), `${to}: ${read.text}`).toMatch(/^(SOURCE|EGRESS)/);
      await use(id, 'read', { path: [] }).catch(() => 'the stream that began ends abnormally');
    }
  });

  describe('that speaks S3 or BigQuery', () => {
    let server: Server;
    let answer: RequestListener;
    beforeAll(async () => {
      // On the port that policy allows and no source uses any more.
      const port = Number(new URL(s3.url).port);
      await s3.close();
      server = createServer((request, response) => answer(request, response));
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      expect((server.address() as AddressInfo).port).toBe(port);
    });
    afterAll(() => server.close());

    it('S03: is not followed by the AWS client, nor its words about regions and endpoints believed', async () => {
      const { host, port } = stand.canary;
      const properties = { endpoint: s3.url, bucketName: 'mooring-lab', ...s3.accounts.analyst };
      for (const status of [301, 302, 307, 308, 400, 403]) {
        answer = (_request, response) => {
          response.writeHead(status, {
            'content-type': 'application/xml',
            location: `http://${host}:${port}/mooring-lab`,
            'x-amz-bucket-region': `${host}:${port}`,
          });
          const code = status < 400 ? 'PermanentRedirect' : 'AuthorizationHeaderMalformed';
          const endpoint = `<Endpoint>${host}:${port}</Endpoint><Region>${host}:${port}</Region>`;
          response.end(`<Error><Code>${code}</Code><Message>Elsewhere</Message>${endpoint}</Error>`);
        };
        const id = await create('File_AmazonS3Connector', properties);
        expect(endOfTest(await use(id, 'test')), String(status)).toMatch(/^signIn SOURCE/);
        expect(codeOf(await use(id, 'browse')), String(status)).toMatch(/^SOURCE/);
        expect(codeOf(await use(id, 'read', { path: ['orders.csv'] })), String(status)).toMatch(/^SOURCE/);
      }
    });

    it('S03: is not followed by the Google client', async () => {
      const KeyFilePath = [{ name: 'key.json', value: JSON.stringify(bigquery.serviceAccountKey) }];
      const properties = { Catalog: bigquery.projectId, KeyFilePath };
      for (const status of [301, 302, 303, 307, 308]) {
        const canned = {
          status,
          body: '{}',
          headers: { location: `${stand.canary.url}/bigquery/v2/projects` },
        };
        const id = await create('gbq', properties);
        for (const [action, body] of [
          ['browse', {}],
          ['preview', { path: ['sales', 'orders'] }],
          ['read', { query: 'select * from sales.orders' }],
        ] as const) {
          bigquery.switches.answerNext.push(canned);
          expect(codeOf(await use(id, action, body)), `${status} ${action}`).toMatch(/^SOURCE|^EGRESS/);
          bigquery.switches.answerNext.length = 0;
        }
      }
    });
  });
});

describe('OAuth', () => {
  const oauth = (more: Properties = {}): Properties => {
    const { client, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = stand.authorizationServer;
    const { clientId, clientSecret } = client;
    const endpoints = { authorizationUrl: authorizationEndpoint, tokenUrl: tokenEndpoint };
    const url = `${rest.url}/oauth/items`;
    const shared = { url, authSchema: 'oauth2', scope: 'openid', revocationUrl: revocationEndpoint };
    return { ...shared, ...endpoints, clientId, clientSecret, ...more };
  };

  /** Begins, signs in at the lab whatever the properties say, and sends the code. */
  async function signIn(datasourceID: string, properties: Properties): Promise<Answer> {
    const begun = await post(datasourceID, properties, { authUrlOnly: true });
    expect(begun.status, begun.text).toBe(201);
    const { origin, search, searchParams } = new URL(begun.body.authUrl);
    expect(origin).not.toBe(stand.canary.url);
    stand.authorizationServer.addRedirectUri(searchParams.get('redirect_uri') ?? '');
    const authUrl = `${stand.authorizationServer.authorizationEndpoint}${search}`;
    const authCode = await signInAndCopyCode(stand, authUrl);
    return post(datasourceID, { ...properties, authCode });
  }

  it('S06: sends no code to a token URL that is not allowed', async () => {
    for (const tokenUrl of [stand.canary.url, stand.canary.url.replace('127.0.0.1', 'localhost')]) {
      const answer = await signIn('rest', oauth({ tokenUrl: `${tokenUrl}/token` }));
      expect(isRefusal(answer), answer.text).toBe(true);
    }
    expect((await signIn('rest', oauth())).status).toBe(201);
  });

  it('S06: asks no metadata of an issuer that is not allowed', async () => {
    for (const path of ['', '/', '/tenant', '/.well-known/openid-configuration'])
      await post('rest', oauth({ issuer: `${stand.canary.url}${path}` }), { authUrlOnly: true });
    const begun = await post('rest', oauth({ authorizationUrl: `${stand.canary.url}/auth` }), {
      authUrlOnly: true,
    });
    // That one is for the user's browser, which shows where it leads.
    expect(begun.body.authUrl).toMatch(new RegExp(`^${stand.canary.url}/auth`));
  });

  it('S06: pushes no request and asks for no device code at a URL that is not allowed', async () => {
    const { url } = stand.canary;
    for (const properties of [
      oauth({ pushedAuthorizationUrl: `${url}/par` }),
      oauth({ authSchema: 'oauth2Device', deviceAuthorizationUrl: `${url}/device` }),
    ]) {
      const answer = await post('rest', properties, { authUrlOnly: true });
      expect([answer.status, answer.body.errors[0].code]).toEqual([403, 'EGRESS-REFUSED']);
    }
  });

  it('S06: revokes nothing at a URL that is not allowed, and deletes all the same', async () => {
    const created = await signIn('rest', oauth({ revocationUrl: `${stand.canary.url}/revoke` }));
    expect(created.status, created.text).toBe(201);
    expect((await stand.api.delete(`/api/v1/data-connections/${created.body.qID}`)).status).toBe(204);
    const reported = () =>
      stand.mooring
        .logText()
        .split('\n')
        .filter((line) => line.includes('provider told of the end'));
    await expect.poll(reported).not.toEqual([]);
  });

  it('S06: sends no client secret to a token URL that is not allowed', async () => {
    const { clientId, clientSecret } = stand.authorizationServer.machineClient;
    const tokenUrl = `${stand.canary.url}/token`;
    const id = await create(
      'rest',
      oauth({ authSchema: 'oauth2ClientCredentials', tokenUrl, clientId, clientSecret }),
    );
    const [test, ...reads] = await useAll(id);
    expect(test && endOfTest(test)).toBe('signIn EGRESS-REFUSED');
    for (const answer of reads) expect(isRefusal(answer), answer.text).toBe(true);
  });

  it('S03, O16: follows no redirect of an allowed provider, with a code, a refresh token or a client secret', async () => {
    const { switches, machineClient, tokenEndpoint } = stand.authorizationServer;
    for (const status of [301, 302, 303, 307, 308]) {
      const answer = { status, body: '', headers: { location: `${stand.canary.url}/token` } };
      switches.tokenNext = [{ kind: 'answer', answer }];
      expect((await signIn('rest', oauth())).status).toBe(424);
      switches.tokenAlways = { kind: 'answer', answer };
      const { clientId, clientSecret } = machineClient;
      const client = {
        authSchema: 'oauth2ClientCredentials',
        tokenUrl: tokenEndpoint,
        clientId,
        clientSecret,
      };
      const [test] = await useAll(await create('rest', oauth(client)));
      expect(test && endOfTest(test)).toMatch(/^signIn SOURCE/);
      switches.tokenAlways = undefined;
    }
    const google = { OAuthMechanism: '1', Catalog: bigquery.projectId };
    const created = await signIn('gbq', google);
    expect(created.status, created.text).toBe(201);
    const answer = { status: 307, body: '', headers: { location: `${stand.canary.url}/token` } };
    Object.assign(switches, { tokenAlways: { kind: 'answer', answer }, revocationAlways: answer });
    stand.authorizationServer.expireAccessTokens();
    expect(codeOf(await use(created.body.qID, 'browse'))).toMatch(/^SOURCE/);
    expect((await stand.api.delete(`/api/v1/data-connections/${created.body.qID}`)).status).toBe(204);
    await expect.poll(() => stand.authorizationServer.counts().revocation).toBeGreaterThan(0);
    Object.assign(switches, { tokenAlways: undefined, revocationAlways: undefined });
  });
});
