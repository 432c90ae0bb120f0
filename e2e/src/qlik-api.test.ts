import { type LabS3, startS3 } from '@mooring/lab/s3';
import { apiClient } from '@mooring/server/testing/api-client';
import type { HostConfig } from '@qlik/api/auth';
import type { ConnectionCreateResponse, DcaasConnectionCreate } from '@qlik/api/data-connections';
import dataConnections from '@qlik/api/data-connections';
import dataCredentials from '@qlik/api/data-credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import {
  connectionCreatedShape,
  connectionGetShape,
  credentialShape,
  differences,
  orphanShape,
} from './qlik-shapes.js';

// The documented flows A1 to A4 and A6 with Qlik's own client, unmodified, against the built product.

let mooring: MooringProcess;
let s3: LabS3;
/** `noCache`: the client would answer repeated GETs from its memory for ten minutes. */
let options: { hostConfig: HostConfig; noCache: true };

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{2,3}Z$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const accessKey = 'AKIA-canary-qlik-api-access';
const secretKey = 'canary-qlik-api-secret-key';

beforeAll(async () => {
  [mooring, s3] = await Promise.all([startMooring(), startS3()]);
  options = {
    hostConfig: { host: mooring.url, authType: 'apikey', apiKey: mooring.adminKey },
    noCache: true,
  };
});
afterAll(async () => {
  await mooring.stop();
  await s3.close();
});

const separatedS3 = (qName: string, more: object): DcaasConnectionCreate => ({
  datasourceID: 'File_AmazonS3Connector',
  qName,
  connectionProperties: { separateCredentials: 'true', region: 'us-east-1', ...more },
});

/** A creation that answered with a connection, not with an `authUrl`. */
async function create(body: DcaasConnectionCreate): Promise<ConnectionCreateResponse> {
  const answer = await dataConnections.createDataConnection(body, options);
  expect(answer.status).toBe(201);
  if ('authUrl' in answer.data) throw new Error('The answer is a sign-in, not a connection');
  return answer.data;
}

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('The call was not refused'),
    (error: { status: number; data: { errors: { code: string; detail: string }[] } }) => error,
  );

describe('the documented flows with @qlik/api', () => {
  let first: ConnectionCreateResponse;

  it('A1: creates a connection with separated credentials and keeps no key in it', async () => {
    first = await create(
      separatedS3('Sales bucket', {
        accessKey,
        secretKey,
        credentialsName: 'serviceAccount123',
        bucketName: 'sales',
      }),
    );
    expect(differences(connectionCreatedShape, first)).toEqual([]);
    expect(first).toMatchObject({
      qName: 'Sales bucket',
      qType: 'QvWebStorageProviderConnectorPackage.exe',
      qSeparateCredentials: true,
      qArchitecture: 0,
      qLogOn: 1,
      datasourceID: 'File_AmazonS3Connector',
      id: first.qID,
      qEngineObjectID: first.qID,
      version: 'V1',
      privileges: expect.arrayContaining(['read', 'update', 'delete']),
      links: { self: { href: `${mooring.url}/v1/data-connections/${first.qID}` } },
    });
    expect(first.qID).toMatch(uuid);
    expect(first.created).toMatch(instant);
    expect(first.qConnectStatement).toContain(
      'sourceType=File_AmazonS3Connector;region=us-east-1;bucketName=sales;',
    );
    expect(JSON.stringify(first)).not.toContain('canary');
  });

  it('A2: finds the credential by name, with exactly the documented members', async () => {
    const { status, data } = await dataCredentials.getDataCredential(
      'serviceAccount123',
      { byCredentialName: true },
      options,
    );
    expect(status).toBe(200);
    expect(differences(credentialShape, data)).toEqual([]);
    expect(data).toEqual({
      connectionId: '',
      created: expect.stringMatching(instant),
      datasourceID: 'File_AmazonS3Connector',
      links: { self: { href: `${mooring.url}/v1/data-credentials/${data.qID}` } },
      qConnCount: 1,
      qID: expect.stringMatching(uuid),
      qName: 'serviceAccount123',
      qSeparated: 1,
      qType: 'QvWebStorageProviderConnectorPackage.exe',
      updated: expect.stringMatching(instant),
    });
    expect(first.qCredentialsID).toBe(data.qID);
  });

  it('A3: reuses the credential in another region and bucket; unknown ids and other sources are a 404', async () => {
    const selectedCredentials = first.qCredentialsID;
    const second = await create(
      separatedS3('Archive bucket', { selectedCredentials, bucketName: 'archive', region: 'eu-west-1' }),
    );
    expect(second.qCredentialsID).toBe(selectedCredentials);
    const counted = await dataCredentials.getDataCredential(String(selectedCredentials), {}, options);
    expect(counted.data.qConnCount).toBe(2);

    const unknown = await refusal(
      create(separatedS3('Third', { selectedCredentials: '00000000-0000-4000-8000-000000000000' })),
    );
    const otherSource = await refusal(
      create({
        ...separatedS3('Third', { selectedCredentials }),
        datasourceID: 'File_AmazonS3ConnectorV2',
      }),
    );
    expect([unknown.status, otherSource.status]).toEqual([404, 404]);
    expect(otherSource.data.errors).toEqual(unknown.data.errors);
  });

  it('reads a connection by id and by name, with properties that hold no secret', async () => {
    const byId = await dataConnections.getDataConnection(first.qID, { parseConnection: true }, options);
    expect(byId.status).toBe(200);
    expect(differences(connectionGetShape, byId.data)).toEqual([]);
    expect(byId.data.connectionProperties).toMatchObject({
      bucketName: 'sales',
      region: 'us-east-1',
      separateCredentials: true,
    });
    expect(JSON.stringify(byId.data)).not.toContain('canary');
    expect(byId.data.links.self.href).toBe(`${mooring.url}/api/v1/data-connections/${first.qID}`);
    const byName = await dataConnections.getDataConnection(
      'Sales bucket',
      { type: 'connectionname' },
      options,
    );
    expect(byName.data.qID).toBe(first.qID);
    expect(byName.data).not.toHaveProperty('connectionProperties');
    const extended = await dataConnections.getDataConnection(first.qID, { extended: true }, options);
    expect(JSON.stringify(extended.data)).not.toContain('canary');
  });

  it('pages forwards and backwards through the list by its own links', async () => {
    for (const letter of ['c', 'a', 'b'])
      await create(separatedS3(`zz page ${letter}`, { selectedCredentials: first.qCredentialsID }));
    const everything = await dataConnections.getDataConnections({}, options);
    expect(everything.status).toBe(200);
    expect(everything.data.data).toHaveLength(5);
    expect(everything.data.meta?.count).toBe(5);
    expect(everything.next).toBeUndefined();
    for (const one of everything.data.data ?? []) expect(differences(connectionGetShape, one)).toEqual([]);

    const names: string[] = [];
    let page: typeof everything | undefined = await dataConnections.getDataConnections(
      { limit: 2, sort: '+qName' },
      options,
    );
    let last = page;
    while (page) {
      names.push(...(page.data.data ?? []).map((one) => one.qName));
      last = page;
      page = await page.next?.(options);
    }
    expect(names).toEqual(['Archive bucket', 'Sales bucket', 'zz page a', 'zz page b', 'zz page c']);
    const before = await last.prev?.(options);
    expect(before?.data.data?.map((one) => one.qName)).toEqual(['zz page a', 'zz page b']);
    const descending = await dataConnections.getDataConnections({ limit: 1, sort: '-qName' }, options);
    expect(descending.data.data?.[0]?.qName).toBe('zz page c');
  });

  it('A4: deletes connections, keeps their separated credential, finds it as an orphan and deletes it', async () => {
    const { data } = await dataConnections.getDataConnections({}, options);
    for (const one of data.data ?? []) {
      const deleted = await dataConnections.deleteDataConnection(one.qID, {}, options);
      expect(deleted.status).toBe(204);
    }
    expect((await dataConnections.getDataConnections({}, options)).data.data).toEqual([]);
    expect((await refusal(dataConnections.getDataConnection(first.qID, {}, options))).status).toBe(404);

    const orphans = await dataCredentials.filterOrphanedDataCredentials({ qSeparated: 1 }, options);
    expect(orphans.status).toBe(200);
    expect(orphans.data.count).toBe(1);
    expect(differences(orphanShape, orphans.data.data[0] ?? {})).toEqual([]);
    expect(orphans.data.data[0]).toMatchObject({ qID: first.qCredentialsID, qName: 'serviceAccount123' });
    const reused = await create(
      separatedS3('Reused', { selectedCredentials: first.qCredentialsID, bucketName: 'sales' }),
    );
    expect(reused.qCredentialsID).toBe(first.qCredentialsID);
    await dataConnections.deleteDataConnection('Reused', { type: 'connectionname' }, options);

    const gone = await dataCredentials.deleteDataCredential(
      'serviceAccount123',
      { byCredentialName: true },
      options,
    );
    expect(gone.status).toBe(204);
    const looked = await refusal(
      dataCredentials.getDataCredential('serviceAccount123', { byCredentialName: true }, options),
    );
    expect([looked.status, looked.data.errors[0]?.code]).toEqual([404, 'NOT-FOUND']);
    expect((await dataCredentials.filterOrphanedDataCredentials({}, options)).data.data).toEqual([]);
  });

  it('A6, A4: an embedded credential serves its connection and goes with it', async () => {
    const { analyst } = s3.accounts;
    const created = await create({
      datasourceID: 'File_AmazonS3ConnectorV2',
      qName: 'Embedded',
      connectionProperties: { ...analyst, region: s3.region, bucketName: 'mooring-lab', endpoint: s3.url },
    });
    expect(created.qSeparateCredentials).toBe(false);
    const credentialId = String(created.qCredentialsID);
    const credential = await dataCredentials.getDataCredential(credentialId, {}, options);
    expect(credential.data).toMatchObject({ connectionId: created.qID, qSeparated: 0, qConnCount: 1 });
    const preview = await apiClient(mooring.url, mooring.adminKey).post(
      `/api/v1/data-connections/${created.qID}/actions/preview`,
      { path: ['public', 'orders.csv'], limit: 3 },
    );
    expect([preview.status, preview.body?.rows?.length]).toEqual([200, 3]);
    await dataConnections.deleteDataConnection(created.qID, {}, options);
    expect((await refusal(dataCredentials.getDataCredential(credentialId, {}, options))).status).toBe(404);
    expect((await dataCredentials.filterOrphanedDataCredentials({}, options)).data.count).toBe(0);
  });

  it('answers errors in the shape that the client reads', async () => {
    const wrong = await refusal(create(separatedS3('Bad', { bucketNme: 'typo' })));
    expect(wrong.status).toBe(400);
    expect(wrong.data.errors[0]).toMatchObject({
      code: 'DCERROR-0010',
      status: 400,
      detail: expect.stringContaining('connectionProperties.bucketNme'),
    });
    const notAnId = await refusal(dataConnections.getDataConnection('no-uuid', {}, options));
    expect(notAnId.status).toBe(400);
    const hostConfig: HostConfig = { host: mooring.url, authType: 'apikey', apiKey: 'wrong' };
    const stranger = await refusal(dataConnections.getDataConnections({}, { hostConfig, noCache: true }));
    expect([stranger.status, stranger.data.errors[0]?.code]).toEqual([401, 'AUTHENTICATION-REQUIRED']);
  });

  it('keeps the keys out of the log', () => {
    expect(mooring.logText()).not.toContain('canary-qlik-api');
  });
});
