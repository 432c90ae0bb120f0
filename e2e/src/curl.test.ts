import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Curl, createCurl } from './curl.js';
import { type SignInLab, signInAndCopyCode, startSignInLab } from './sign-in-lab.js';

// The documented flows A1 to A6, in order, with curl in bash. The answers are compared member by member.

let lab: SignInLab;
let postgres: LabPostgres;
let curl: Curl;
let closeCurl: () => void;

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{2,3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const objectId = expect.stringMatching(/^[0-9a-f]{24}$/);
const secretKey = 'canary/curl+secret=key';

beforeAll(async () => {
  [lab, postgres] = await Promise.all([startSignInLab(), startPostgres({ rowsInBig: 10 })]);
  ({ curl, close: closeCurl } = createCurl(lab.mooring));
});
afterAll(async () => {
  closeCurl();
  await Promise.all([lab.close(), postgres.close()]);
});

/** Every member of the reply to a creation, and no other. */
const connectionReply = (id: string) => ({
  id,
  qID: id,
  qEngineObjectID: id,
  qName: expect.any(String),
  qType: expect.any(String),
  datasourceID: expect.any(String),
  qConnectStatement: expect.stringMatching(/^CUSTOM CONNECT TO "provider=.+;"$/),
  qArchitecture: 0,
  qLogOn: 1,
  qSeparateCredentials: true,
  qCredentialsID: uuid,
  qCredentialsName: expect.any(String),
  privileges: expect.arrayContaining(['delete', 'list', 'read', 'update']),
  qri: expect.stringMatching(/^qri:/),
  tags: [expect.stringMatching(/^DcaasAPI:.+:\d+\.\d+\.\d+$/)],
  tenant: expect.any(String),
  user: objectId,
  version: 'V1',
  created: instant,
  createdAt: instant,
  updated: instant,
  updatedAt: instant,
  links: { self: { href: `${lab.mooring.url}/v1/data-connections/${id}` } },
});

describe('the documented curl lines', () => {
  let spaceId: string;
  let credentialId: string;
  const connections: string[] = [];

  it('prepares a space as the tutorial does', async () => {
    const made = await curl(
      `curl -L "https://<TENANT>/api/v1/spaces" \\
        -H "Content-Type: application/json" \\
        -H "Authorization: Bearer <ACCESS_TOKEN>" \\
        -d "{ \\"name\\": \\"Curl space\\", \\"type\\": \\"shared\\" }"`,
    );
    expect(made.status).toBe(201);
    const found = await curl(
      `curl -L "https://<TENANT>/api/v1/spaces?name=Curl%20space" -H "Authorization: Bearer <ACCESS_TOKEN>"`,
    );
    spaceId = found.body.data[0].id;
    expect(spaceId).toBe(made.body.id);
  });

  it('A1: creates a connection with separated credentials', async () => {
    const { status, body, text } = await curl(
      `curl -L "https://<TENANT>/api/v1/data-connections" \\
        -H "Content-Type: application/json" \\
        -H "Authorization: Bearer <ACCESS_TOKEN>" \\
        -d "{
          \\"dataSourceId\\": \\"File_AmazonS3Connector\\",
          \\"qName\\": \\"Curl bucket\\",
          \\"space\\": \\"<SPACE_ID>\\",
          \\"connectionProperties\\": {
            \\"accessKey\\": \\"AKIACURL\\",
            \\"secretKey\\": \\"<SECRET_KEY>\\",
            \\"separateCredentials\\": \\"true\\",
            \\"credentialsName\\": \\"serviceAccount123\\",
            \\"region\\": \\"us-east-1\\",
            \\"bucketName\\": \\"bucket-name\\"
          }
        }"`,
      { SPACE_ID: spaceId, SECRET_KEY: secretKey },
    );
    expect(status).toBe(201);
    expect(body).toEqual({
      ...connectionReply(body.qID),
      qName: 'Curl bucket',
      space: spaceId,
      datasourceID: 'File_AmazonS3Connector',
      qType: 'QvWebStorageProviderConnectorPackage.exe',
      qCredentialsName: 'serviceAccount123',
      qri: expect.stringMatching(/^qri:file:s3:\/\//),
    });
    expect(body.qConnectStatement).toMatch(/region=us-east-1;bucketName=bucket-name;.*"$/);
    expect(text).not.toMatch(/AKIACURL|canary/);
    connections.push(body.qID);
  });

  it('A2: finds the credential by name, with exactly the documented members', async () => {
    const { status, body } = await curl(
      `curl -L "https://<TENANT>/api/v1/data-credentials/serviceAccount123?byCredentialName=true" \\
        -H "Content-Type: application/json" \\
        -H "Authorization: <ACCESS_TOKEN>"`,
    );
    expect(status).toBe(200);
    expect(body).toEqual({
      connectionId: '',
      created: instant,
      datasourceID: 'File_AmazonS3Connector',
      links: { self: { href: `${lab.mooring.url}/v1/data-credentials/${body.qID}` } },
      qConnCount: 1,
      qID: uuid,
      qName: 'serviceAccount123',
      qSeparated: 1,
      qType: 'QvWebStorageProviderConnectorPackage.exe',
      updated: instant,
    });
    credentialId = body.qID;
  });

  it('A3: reuses the credential', async () => {
    const { status, body } = await curl(
      `curl -L "https://<TENANT>/api/v1/data-connections" \\
        -H "Content-Type: application/json" \\
        -H "Authorization: <ACCESS_TOKEN>" \\
        -d '{
          "dataSourceId": "File_AmazonS3Connector",
          "qName": "Curl bucket two",
          "space": "<SPACE_ID>",
          "connectionProperties": {
            "region": "eu-north-1",
            "bucketName": "other-bucket",
            "separateCredentials": "true",
            "selectedCredentials": "<CREDENTIAL_ID>"
          }
        }'`,
      { SPACE_ID: spaceId, CREDENTIAL_ID: credentialId },
    );
    expect(status).toBe(201);
    expect(body).toEqual({ ...connectionReply(body.qID), space: spaceId, qCredentialsID: credentialId });
    connections.push(body.qID);
  });

  it('A4: deleting connections leaves the separated credential, an orphan that can be deleted', async () => {
    for (const CONNECTION_ID of connections) {
      const gone = await curl(
        `curl -L -X DELETE "https://<TENANT>/api/v1/data-connections/<CONNECTION_ID>" \\
          -H "Content-Type: application/json" -H "Authorization: Bearer <ACCESS_TOKEN>"`,
        { CONNECTION_ID },
      );
      expect([gone.status, gone.text]).toEqual([204, '']);
    }
    const orphans = await curl(
      `curl -L "https://<TENANT>/api/v1/data-credentials/actions/filter-orphan" \\
        -X POST -H "Content-Type: application/json" -H "Authorization: Bearer <ACCESS_TOKEN>" \\
        -d '{ "qSeparated": "1", "datasourceID": "File_AmazonS3Connector" }'`,
    );
    expect(orphans.status).toBe(200);
    expect(orphans.body).toEqual({
      count: 1,
      data: [
        {
          qID: credentialId,
          qName: 'serviceAccount123',
          qType: 'QvWebStorageProviderConnectorPackage.exe',
          created: instant,
          updated: instant,
          datasourceID: 'File_AmazonS3Connector',
          user: objectId,
          tenant: expect.any(String),
        },
      ],
    });
    const gone = await curl(
      `curl -L -X DELETE "https://<TENANT>/api/v1/data-credentials/<CREDENTIAL_ID>" \\
        -H "Authorization: <ACCESS_TOKEN>"`,
      { CREDENTIAL_ID: credentialId },
    );
    expect(gone.status).toBe(204);
    const again = await curl(
      `curl -L "https://<TENANT>/api/v1/data-credentials/<CREDENTIAL_ID>" -H "Authorization: <ACCESS_TOKEN>"`,
      { CREDENTIAL_ID: credentialId },
    );
    expect([again.status, again.body.errors[0].code]).toEqual([404, 'NOT-FOUND']);
    expect(again.body).toEqual({
      errors: [{ code: 'NOT-FOUND', title: 'Not found', detail: expect.any(String), status: 404 }],
      traceId: expect.any(String),
    });
  });

  it('A5: signs in interactively, pastes the code and gets the connection', async () => {
    const line = `curl -L "https://<TENANT>/api/v1/dcaas/actions/data-connections" \\
      -X POST -H "Content-Type: application/json" -H "Authorization: Bearer <ACCESS_TOKEN>" \\
      -d '{
        "dataSourceId": "gbq",
        "connectionName": "Curl warehouse",
        "spaceId": "<SPACE_ID>",
        "authUrlOnly": "<AUTH_URL_ONLY>",
        "connectionProperties": {
          "OAuthMechanism": "1", "Catalog": "<PROJECT>", "authCode": "<CRED_OAUTH>"
        }
      }'`;
    const values = { SPACE_ID: spaceId, PROJECT: lab.bigquery.projectId };
    const begun = await curl(line, { ...values, AUTH_URL_ONLY: 'true', CRED_OAUTH: '' });
    expect(begun.status).toBe(201);
    expect(begun.body).toEqual({ authUrl: expect.any(String), signInId: uuid, expiresAt: instant });
    const code = await signInAndCopyCode(lab, begun.body.authUrl);
    const { status, body } = await curl(line, { ...values, AUTH_URL_ONLY: 'false', CRED_OAUTH: code });
    expect(status).toBe(201);
    expect(body).toEqual({
      connectionId: uuid,
      connectionName: 'Curl warehouse',
      dataSourceId: 'gbq',
      tenantId: expect.any(String),
      userId: objectId,
      createdAt: instant,
      updateAt: instant,
      credentialsId: uuid,
      spaceId,
    });
    const preview = await curl(
      `curl -L "https://<TENANT>/api/v1/data-connections/<CONNECTION_ID>/actions/preview" \\
        -H "Content-Type: application/json" -H "Authorization: Bearer <ACCESS_TOKEN>" \\
        -d '{ "path": ["sales", "orders"], "limit": "2" }'`,
      { CONNECTION_ID: body.connectionId },
    );
    expect([preview.status, preview.body.rows.length, preview.body.truncated]).toEqual([200, 2, true]);
  });

  it('A6: makes password and key connections, embedded and separated, that work', async () => {
    const { alice } = postgres.roles;
    const line = `curl -L "https://<TENANT>/api/v1/data-connections" \\
      -H "Content-Type: application/json" -H "Authorization: <ACCESS_TOKEN>" \\
      -d '{
        "dataSourceId": "postgres", "qName": "<NAME>", "space": "<SPACE_ID>",
        "connectionProperties": {
          "host": "127.0.0.1", "port": "<PORT>", "db": "lab", "sslmode": "disable",
          "username": "alice", "password": "<PASSWORD>", "separateCredentials": "<SEPARATE>"
        }
      }'`;
    for (const [NAME, SEPARATE] of [
      ['Curl embedded', 'false'],
      ['Curl separated', 'true'],
    ] as const) {
      const values = {
        NAME,
        SEPARATE,
        SPACE_ID: spaceId,
        PORT: `${postgres.port}`,
        PASSWORD: alice.password,
      };
      const { status, body, text } = await curl(line, values);
      expect(status).toBe(201);
      expect(body).toEqual({
        ...connectionReply(body.qID),
        space: spaceId,
        qSeparateCredentials: SEPARATE === 'true',
      });
      expect(text).not.toContain(alice.password);
      const credential = await curl(
        `curl -L "https://<TENANT>/api/v1/data-credentials/<ID>" -H "Authorization: <ACCESS_TOKEN>"`,
        { ID: body.qCredentialsID },
      );
      expect(credential.body).toMatchObject({
        connectionId: SEPARATE === 'true' ? '' : body.qID,
        qSeparated: SEPARATE === 'true' ? 1 : 0,
      });
      const tested = await curl(
        `curl -L -X POST "https://<TENANT>/api/v1/data-connections/<ID>/actions/test" -H "Authorization: <ACCESS_TOKEN>"`,
        { ID: body.qID },
      );
      expect([tested.status, tested.body.ok]).toEqual([200, true]);
    }
    expect(lab.mooring.logText()).not.toContain(alice.password);
  });
});
