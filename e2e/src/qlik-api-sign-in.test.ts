import { apiClient } from '@mooring/server/testing/api-client';
import type { HostConfig } from '@qlik/api/auth';
import dataConnections, { type DcaasConnectionCreate } from '@qlik/api/data-connections';
import dataCredentials from '@qlik/api/data-credentials';
import type { CreateConnectionReq, CreateConnectionRes } from '@qlik/api/dcaas';
import dcaas from '@qlik/api/dcaas';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionCreatedShape, dcaasCreatedShape, dcaasGetShape, differences } from './qlik-shapes.js';
import { type SignInLab, signInAndCopyCode, startSignInLab } from './sign-in-lab.js';

// Flow A5, the interactive sign-in, through both doors with Qlik's own client.

let lab: SignInLab;
let options: { hostConfig: HostConfig; noCache: true };

beforeAll(async () => {
  lab = await startSignInLab();
  const { url, adminKey } = lab.mooring;
  options = { hostConfig: { host: url, authType: 'apikey', apiKey: adminKey }, noCache: true };
});
afterAll(() => lab.close());

// The documented body has texts for booleans, which the client's types do not know but its code passes on.
const asText = (value: boolean) => String(value) as unknown as boolean;

const bodyOf = (connectionName: string, authCode: string): CreateConnectionReq => ({
  dataSourceId: 'gbq',
  connectionName,
  authUrlOnly: asText(authCode === ''),
  connectionProperties: { OAuthMechanism: '1', Catalog: lab.bigquery.projectId, authCode },
});

async function previewOrders(connectionId: string) {
  const { url, adminKey } = lab.mooring;
  return apiClient(url, adminKey).post(`/api/v1/data-connections/${connectionId}/actions/preview`, {
    path: ['sales', 'orders'],
  });
}

describe('the interactive sign-in with @qlik/api', () => {
  let created: CreateConnectionRes;

  it('A5: /dcaas answers with an authorization URL that carries everything documented', async () => {
    const { status, data } = await dcaas.dataConnectionsDcaas(bodyOf('Warehouse', ''), options);
    expect(status).toBe(201);
    if (!('authUrl' in data)) throw new Error('No authUrl');
    const url = new URL(data.authUrl);
    const { authorizationEndpoint, client } = lab.authorizationServer;
    expect(url.href.split('?')[0]).toBe(authorizationEndpoint);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: client.clientId,
      response_type: 'code',
      scope: expect.stringContaining('https://www.googleapis.com/auth/bigquery'),
      redirect_uri: `${lab.mooring.url}/oauth/callback/google`,
      prompt: 'consent',
      access_type: 'offline',
      state: expect.stringMatching(/^[\w-]{22,}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    const { data: list } = await dataConnections.getDataConnections({}, options);
    expect(list.data).toEqual([]);

    const code = await signInAndCopyCode(lab, data.authUrl);
    const second = await dcaas.dataConnectionsDcaas(bodyOf('Warehouse', code), options);
    expect(second.status).toBe(201);
    if ('authUrl' in second.data) throw new Error('Another authUrl');
    created = second.data;
    expect(differences(dcaasCreatedShape, created)).toEqual([]);
    expect(created).toMatchObject({ connectionName: 'Warehouse', dataSourceId: 'gbq' });
    expect(JSON.stringify(created)).not.toContain(code);
  });

  it('A5: the grant is embedded and reads as the user who signed in', async () => {
    const rows = await previewOrders(created.connectionId);
    expect(rows.status).toBe(200);
    expect(rows.body.rows).toHaveLength(5);
    expect(rows.body.rows.every((row: unknown[]) => row.includes('alice'))).toBe(true);
    const credential = await dataCredentials.getDataCredential(String(created.credentialsId), {}, options);
    expect(credential.data).toMatchObject({ connectionId: created.connectionId, qSeparated: 0 });
  });

  it('/dcaas gets the connection, and its api-specs are those of /api/v1', async () => {
    const got = await dcaas.dataConnectionsDcaa(created.connectionId, options);
    expect(got.status).toBe(200);
    expect(differences(dcaasGetShape, got.data)).toEqual([]);
    expect(got.data.connectionProperties).toEqual({
      OAuthMechanism: '1',
      Catalog: lab.bigquery.projectId,
    });
    const specs = await dcaas.dataConnectionsDcaasApiSpecs({ dataSourceId: 'gbq' }, options);
    expect(specs.data).toMatchObject({ connectorProvider: 'QvOdbcConnectorPackage.exe' });
    expect(Object.keys((specs.data.connectionProperties as { properties: object }).properties)).toEqual(
      expect.arrayContaining(['OAuthMechanism', 'Catalog', 'authCode', 'separateCredentials']),
    );
  });

  it('A5: data-connections does the same with its own shapes, and separated when asked to', async () => {
    const body = (authCode: string): DcaasConnectionCreate => ({
      datasourceID: 'gbq',
      qName: 'Own warehouse',
      authUrlOnly: authCode === '',
      connectionProperties: {
        OAuthMechanism: '1',
        Catalog: lab.bigquery.projectId,
        separateCredentials: 'true',
        credentialsName: 'my google',
        authCode,
      },
    });
    const begun = await dataConnections.createDataConnection(body(''), options);
    if (!('authUrl' in begun.data)) throw new Error('No authUrl');
    const code = await signInAndCopyCode(lab, begun.data.authUrl, 'bob');
    const { status, data } = await dataConnections.createDataConnection(body(code), options);
    expect(status).toBe(201);
    if ('authUrl' in data) throw new Error('Another authUrl');
    expect(differences(connectionCreatedShape, data)).toEqual([]);
    const credential = await dataCredentials.getDataCredential(
      'my google',
      { byCredentialName: true },
      options,
    );
    expect(credential.data).toMatchObject({ qID: data.qCredentialsID, qSeparated: 1, connectionId: '' });
    expect((await previewOrders(data.qID)).body.rows).toHaveLength(3);
  });

  it('O03: a code is good for one connection', async () => {
    const begun = await dcaas.dataConnectionsDcaas(bodyOf('Twice', ''), options);
    if (!('authUrl' in begun.data)) throw new Error('No authUrl');
    const code = await signInAndCopyCode(lab, begun.data.authUrl);
    await dcaas.dataConnectionsDcaas(bodyOf('Twice', code), options);
    const again = dcaas.dataConnectionsDcaas(bodyOf('Twice more', code), options);
    await expect(again).rejects.toMatchObject({
      status: 400,
      data: { errors: [{ code: 'SIGN-IN-INVALID' }] },
    });
    const { data } = await dataConnections.getDataConnections({ sort: '+qName', limit: 100 }, options);
    expect(data.data?.map((one) => one.qName)).toEqual(['Own warehouse', 'Twice', 'Warehouse']);
  });

  it('deleting the connection revokes its grant at the provider', async () => {
    const before = lab.authorizationServer.counts();
    await dataConnections.deleteDataConnection(created.connectionId, {}, options);
    await expect.poll(() => lab.authorizationServer.counts().revocation).toBe(before.revocation + 1);
  });
});
