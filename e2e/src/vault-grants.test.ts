import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { type LabRestApi, startRestApi } from '@mooring/lab/rest-api';
import type { Answer } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signInAndCopyCode } from './sign-in-lab.js';
import {
  copySecret,
  refusalOf,
  type SealedRow,
  sealedRow,
  startVaultStand,
  type VaultStand,
} from './vault-stand.js';

// Processes start and stop in these tests; a machine with other work must not fail them.
// The sealed parts of a sign-in against an attacker who can write the store but does not have the key.

let stand: VaultStand;
let authorizationServer: LabAuthorizationServer;
let bigquery: LabBigQuery;
let rest: LabRestApi;

beforeAll(async () => {
  authorizationServer = await startAuthorizationServer();
  const { verifyAccessToken, client, machineClient, ...server } = authorizationServer;
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = server;
  bigquery = await startBigQuery({ verifyAccessToken });
  rest = await startRestApi({ verifyAccessToken });
  stand = await startVaultStand({
    oauth: {
      clients: { google: { ...client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } },
    },
    sources: { gbq: { apiEndpoint: bigquery.url } },
  });
});
afterAll(async () => {
  await stand.close();
  await Promise.all([authorizationServer.close(), bigquery.close(), rest.close()]);
});

/** Begins with `authUrlOnly`, signs in, and completes with the code. @returns the answer that has the connection */
async function connectBySignIn(properties: object, datasourceID: string): Promise<Answer> {
  const begin = { datasourceID, qName: `${datasourceID} by sign-in`, connectionProperties: properties };
  const begun = await stand.admin.post('/api/v1/data-connections', { ...begin, authUrlOnly: true });
  expect(begun.status, begun.text).toBe(201);
  const { authUrl } = begun.body;
  authorizationServer.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
  const authCode = await signInAndCopyCode({ authorizationServer }, authUrl);
  const connectionProperties = { ...properties, authCode };
  const created = await stand.admin.post('/api/v1/data-connections', { ...begin, connectionProperties });
  expect(created.status, created.text).toBe(201);
  return created;
}

/** Changes one byte in the middle of a sealed value. */
const damage = (recordId: string, field: string) =>
  stand.withStore((database) => {
    const row = sealedRow(database, recordId, field);
    const bytes = Buffer.from(row.ciphertext, 'base64');
    bytes.writeUInt8(bytes.readUInt8(14) ^ 0x80, 14);
    copySecret(database, { ...row, ciphertext: bytes.toString('base64') }, row);
    return row;
  });
const restore = (row: SealedRow) => stand.withStore((database) => copySecret(database, row, row));

const faults = () =>
  stand
    .logText()
    .split('\n')
    .filter((line) => /"level":[56]0/.test(line));

it('V02, V04: a grant that was changed, or stands in another field, is unreadable and offers a new sign-in', async () => {
  const properties = { OAuthMechanism: '1', Catalog: bigquery.projectId, separateCredentials: true };
  const { body } = await connectBySignIn(properties, 'gbq');
  const use = (action: string, request: object) =>
    stand.admin.post(`/api/v1/data-connections/${body.qID}/actions/${action}`, request);
  const preview = () => use('preview', { path: ['sales', 'orders'] });
  expect((await preview()).body.rows).toHaveLength(5);

  const grant = await damage(body.qCredentialsID, 'grant');
  const calls = bigquery.requests().length;
  for (const answer of [await preview(), await use('browse', {}), await use('test', {})]) {
    expect(refusalOf(answer)).toBe('unreadable');
    expect(answer.body.errors[0].meta).toMatchObject({
      signIn: { authUrl: expect.stringContaining('/auth?') },
    });
  }
  expect(refusalOf(await use('read', { path: ['sales', 'orders'] }))).toBe('unreadable');
  expect(bigquery.requests().length, 'the source got no request').toBe(calls);

  await restore(grant);
  expect((await preview()).body.rows).toHaveLength(5);
  const [inPlace, login] = await stand.withStore((database) => {
    const rows = [
      sealedRow(database, grant.record_id, 'grant'),
      sealedRow(database, grant.record_id),
    ] as const;
    copySecret(database, rows[1], rows[0], ['version']);
    return rows;
  });
  expect(refusalOf(await preview())).toBe('unreadable');
  await restore(inPlace);
  await stand.withStore((database) => copySecret(database, inPlace, login, ['version']));
  expect(refusalOf(await preview())).toBe('unreadable');
  expect(faults()).toEqual([]);
});

it("V02: a connection's own secret that was changed is unreadable, and no request is sent with half of it", async () => {
  const { machineClient, tokenEndpoint } = authorizationServer;
  const { body } = await stand.admin.post('/api/v1/data-connections', {
    datasourceID: 'rest',
    qName: 'By client credentials',
    connectionProperties: {
      url: `${rest.url}/oauth/items`,
      authSchema: 'oauth2ClientCredentials',
      tokenUrl: tokenEndpoint,
      ...machineClient,
    },
  });
  const preview = () =>
    stand.admin.post(`/api/v1/data-connections/${body.qID}/actions/preview`, { path: [] });
  expect((await preview()).body.rows).toHaveLength(25);
  const row = await damage(body.qID, 'secrets');
  authorizationServer.resetCounts();
  expect(refusalOf(await preview())).toBe('unreadable');
  expect(authorizationServer.counts().token.client_credentials).toBe(0);
  await restore(row);
  expect((await preview()).body.rows).toHaveLength(25);
  expect(faults()).toEqual([]);
});

it('V02: a connection whose client secret was changed refuses a new sign-in without a fault', async () => {
  const { client, authorizationEndpoint, tokenEndpoint } = authorizationServer;
  const properties = {
    url: `${rest.url}/oauth/items`,
    authSchema: 'oauth2',
    authorizationUrl: authorizationEndpoint,
    tokenUrl: tokenEndpoint,
    scope: 'openid offline_access',
    separateCredentials: true,
    ...client,
  };
  const { body } = await connectBySignIn(properties, 'rest');
  await damage(body.qID, 'secrets');
  const actions = `/api/v1/data-connections/${body.qID}/actions`;
  expect(refusalOf(await stand.admin.post(`${actions}/preview`, { path: [] }))).toBe('unreadable');
  const again = await stand.admin.put(`/api/v1/data-connections/${body.qID}/credential`, {
    authUrlOnly: true,
  });
  expect(refusalOf(again)).toBe('unreadable');
  expect((await stand.admin.delete(`/api/v1/data-connections/${body.qID}`)).status).toBe(204);
  expect((await stand.admin.delete(`/api/v1/data-credentials/${body.qCredentialsID}`)).status).toBe(204);
  expect(faults()).toEqual([]);
});
