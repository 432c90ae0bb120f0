import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { clientCertificateFile } from '@mooring/lab/client-certificate-file';
import { apiClient } from '@mooring/server/testing/api-client';
import type { HostConfig } from '@qlik/api/auth';
import dataConnections, { type DcaasConnectionCreate } from '@qlik/api/data-connections';
import dataCredentials from '@qlik/api/data-credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SignInLab, startSignInLab } from './sign-in-lab.js';

// Flow A6 with Qlik's client: a key and a client certificate, embedded and separated, each used against a server
// that really checks it. Passwords are in curl.test.ts.

let lab: SignInLab;
let options: { hostConfig: HostConfig; noCache: true };
let https: { server: Server; url: string; seen: string[] };

const authority = createCertificateAuthority();
const passphrase = 'canary-passphrase';

const clientFile = (name: string) => clientCertificateFile(authority.issue([name]), passphrase);

/** Answers only to certificates of the authority. */
async function startMutualTls(): Promise<typeof https> {
  const seen: string[] = [];
  const { cert, key } = authority.issue(['localhost', '127.0.0.1']);
  const server = createServer({ cert, key, ca: authority.ca, requestCert: true }, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    seen.push(String(subject.CN));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify([{ id: 1, who: subject.CN }]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, seen, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/orders` };
}

beforeAll(async () => {
  [lab, https] = await Promise.all([startSignInLab(), startMutualTls()]);
  const { url, adminKey } = lab.mooring;
  options = { hostConfig: { host: url, authType: 'apikey', apiKey: adminKey }, noCache: true };
});
afterAll(async () => {
  https.server.closeAllConnections();
  https.server.close();
  await lab.close();
});

const ways = [
  ['embedded', {}],
  ['separated', { separateCredentials: 'true' }],
] as const;

async function createAndPreview(body: DcaasConnectionCreate, target: string[], isSeparated: boolean) {
  const { status, data } = await dataConnections.createDataConnection(body, options);
  expect(status).toBe(201);
  if ('authUrl' in data) throw new Error('A sign-in, not a connection');
  const credential = await dataCredentials.getDataCredential(String(data.qCredentialsID), {}, options);
  const owner = { connectionId: isSeparated ? '' : data.qID, qSeparated: isSeparated ? 1 : 0 };
  expect(credential.data).toMatchObject({ ...owner, qConnCount: 1, datasourceID: body.datasourceID });
  const read = await dataConnections.getDataConnection(data.qID, { parseConnection: true }, options);
  expect(JSON.stringify(read.data)).not.toMatch(/canary|PRIVATE KEY|KeyFilePath|mutualPfxCertificate/);
  const { url, adminKey } = lab.mooring;
  const at = `/api/v1/data-connections/${data.qID}/actions`;
  const preview = await apiClient(url, adminKey).post(`${at}/preview`, { path: target });
  expect(preview.status, preview.text).toBe(200);
  return preview.body;
}

describe('A6: prerequisite flows', () => {
  it.each(ways)('a key of a service account, %s', async (way, properties) => {
    const key = lab.bigquery.serviceAccountKey;
    const preview = await createAndPreview(
      {
        datasourceID: 'gbq',
        qName: `Key, ${way}`,
        connectionProperties: {
          OAuthMechanism: '0',
          Catalog: lab.bigquery.projectId,
          Email: key.client_email,
          KeyFilePath: [{ name: 'key.json', value: JSON.stringify(key) }],
          P12CustomPwd: '',
          ...properties,
        },
      },
      ['sales', 'orders'],
      way === 'separated',
    );
    expect(preview.rows).toHaveLength(2);
  });

  it.each(ways)('a client certificate, %s', async (way, properties) => {
    const name = `${way}.example`;
    const preview = await createAndPreview(
      {
        datasourceID: 'rest',
        qName: `Certificate, ${way}`,
        connectionProperties: {
          url: https.url,
          authSchema: 'anonymous',
          serverCertificateValidation: 'Custom',
          rootCertificates: [{ name: 'ca.pem', value: authority.ca }],
          enableMutualSSL: 'true',
          mutualPfxCertificateFiles: [{ name: 'client.pfx', value: clientFile(name) }],
          mutualPfxCertificateKey: passphrase,
          ...properties,
        },
      },
      [],
      way === 'separated',
    );
    expect(preview.rows).toEqual([[1, name]]);
    expect(https.seen).toContain(name);
  });

  it('keeps keys and passphrases out of the log', () => {
    expect(lab.mooring.logText()).not.toMatch(/canary|PRIVATE KEY/);
  });
});
