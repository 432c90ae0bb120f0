import { createServer, Agent as HttpAgent, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Agent as HttpsAgent } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { startS3 } from '@mooring/lab/s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import type { Network } from '../../interface/network.js';
import { source } from '../../sources/File_AmazonS3ConnectorV2/source.js';
import { failureOf, openSession, type TestInput, type TestSession } from '../../suite/bench.js';
import { createDirectNetwork, type DirectNetwork } from '../../suite/direct-network.js';
import { s3Input } from './s3-harness.js';

let network: DirectNetwork;
const sessions: TestSession[] = [];

beforeEach(() => {
  network = createDirectNetwork();
});
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  const isIdle = await network.idle(2_000);
  network.close();
  expect(isIdle, 'sockets left open').toBe(true);
});

async function open(input: TestInput, through: Network = network): Promise<TestSession> {
  const session = await openSession(source, input, { network: through });
  sessions.push(session);
  return session;
}

describe('the AWS client', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A network that lets nothing out, as the gate does: the socket fails with a ConnectorError. */
  function refusingNetwork(): Network & { dialled: string[] } {
    const dialled: string[] = [];
    const refuse = (options: { host?: string | null; port?: string | number | null }) => {
      dialled.push(`${options.host}:${options.port}`);
      const refusal = new ConnectorError('egress_refused', 'The address is not allowed.');
      return connect({
        host: String(options.host),
        port: 443,
        lookup: (_host, _all, done) => done(refusal, ''),
      });
    };
    const agents = () => {
      const made = { http: new HttpAgent(), https: new HttpsAgent() };
      made.http.createConnection = refuse;
      made.https.createConnection = refuse;
      return made;
    };
    return { ...network, agents, dialled };
  }

  const keys = { accessKey: 'AKIACANARY', secretKey: 'canary-secret' };

  it('S11: takes nothing from the environment: neither endpoint, region, keys nor profile', async () => {
    const lab = await startS3();
    let isCalled = false;
    const canary = await serve((_request, response) => {
      isCalled = true;
      response.destroy();
    });
    const planted: Record<string, string> = {
      AWS_ENDPOINT_URL: canary,
      AWS_ENDPOINT_URL_S3: canary,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'ENV',
      AWS_SECRET_ACCESS_KEY: 'ENV',
      AWS_PROFILE: 'no-such-profile',
      AWS_CONFIG_FILE: '/nonexistent/config',
      AWS_USE_FIPS_ENDPOINT: 'not-a-boolean',
      AWS_USE_DUALSTACK_ENDPOINT: 'not-a-boolean',
      AWS_S3_USE_ARN_REGION: 'not-a-boolean',
      AWS_MAX_ATTEMPTS: 'not-a-number',
      AWS_RETRY_MODE: 'not-a-mode',
      AWS_REQUEST_CHECKSUM_CALCULATION: 'not-a-mode',
      AWS_DEFAULTS_MODE: 'auto',
      HTTP_PROXY: canary,
      HTTPS_PROXY: canary,
    };
    const before = { ...process.env };
    Object.assign(process.env, planted);
    try {
      await (await open(s3Input(lab.accounts.analyst, { endpoint: lab.url }))).ping();
      const gate = refusingNetwork();
      const aws = await open(s3Input(keys, { region: 'eu-central-1' }), gate);
      expect((await failureOf(aws.ping())).kind).toBe('egress_refused');
      await failureOf(aws.browse({ path: ['some-bucket'], limit: 1 }));
      expect(gate.dialled).toEqual([
        's3.eu-central-1.amazonaws.com:443',
        'some-bucket.s3.eu-central-1.amazonaws.com:443',
      ]);
    } finally {
      for (const name of Object.keys(planted)) delete process.env[name];
      Object.assign(process.env, before);
      await lab.close();
    }
    expect(isCalled).toBe(false);
  });

  it('D22: trusts a private authority only where its certificate is given', async () => {
    const authority = createCertificateAuthority();
    server = createTlsServer(authority.issue(['127.0.0.1']), (_request, response) => {
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end('<Error><Code>AccessDenied</Code></Error>');
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await failureOf((await open(s3Input(keys, { endpoint }))).ping())).kind).toBe('tls_failed');
    const rootCertificates = [{ name: 'ca.pem', value: authority.ca }];
    await (await open(s3Input(keys, { endpoint, rootCertificates }))).ping();
  });

  it('S03: follows no redirect, neither by Location nor by bucket region', async () => {
    let calls = 0;
    const endpoint = await serve((_request, response) => {
      calls += 1;
      response.writeHead(301, {
        location: 'http://127.0.0.1:9/',
        'x-amz-bucket-region': 'eu-west-1',
        'content-type': 'application/xml',
      });
      response.end('<Error><Code>PermanentRedirect</Code><Endpoint>127.0.0.1:9</Endpoint></Error>');
    });
    const session = await open(s3Input(keys, { endpoint, bucketName: 'some-bucket' }));
    const error = await failureOf(session.ping());
    expect([error.kind, error.nativeCode]).toEqual(['invalid_config', 'PermanentRedirect']);
    expect(calls).toBe(1);
    expect(new Set(network.dialled)).toEqual(new Set([new URL(endpoint).host]));
  });

  it('D23: keeps what a source says about itself and its callers out of errors', async () => {
    const endpoint = await serve((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end(
        '<Error><Code>SignatureDoesNotMatch</Code><Message>canary-secret \u001b[31m</Message>' +
          '<AWSAccessKeyId>AKIACANARY</AWSAccessKeyId><StringToSign>canary-secret</StringToSign></Error>',
      );
    });
    const session = await open(s3Input(keys, { endpoint }));
    const error = await failureOf(session.ping());
    expect(error.kind).toBe('auth_failed');
    expect(
      `${error.message} ${error.stack} ${JSON.stringify(error.cause)} ${String(error.cause)}`,
    ).not.toMatch(/canary|AKIACANARY/i);
  });

  it('D15: refuses an endless listing', async () => {
    const endpoint = await serve(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' });
      const block = '<Buckets>'.padEnd(1024 * 1024, ' ');
      while (!response.destroyed) {
        response.write(block);
        await setImmediate();
      }
    });
    const session = await open(s3Input(keys, { endpoint }));
    expect((await failureOf(session.ping())).kind).toBe('too_large');
  });

  it('S10: does not repeat the response of a server that is not S3', async () => {
    const endpoint = await serve((_request, response) => {
      response.end('SECRET-BANNER not xml at all');
    });
    const session = await open(s3Input(keys, { endpoint, bucketName: 'some-bucket' }));
    const error = await failureOf(session.browse({ path: [], limit: 1 }));
    expect(`${error.message} ${String(error.cause)}`).not.toContain('SECRET-BANNER');
  });
});
