import { type LabKms, type LabTransit, startKms, startTransit } from '@mooring/lab/key-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { newHex } from '../crypto/random.js';

const egress = { loopback: 'deny' };
const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };
const readiness = async ({ url }: TestServer) => (await fetch(`${url}/readyz`)).status;

/** The key service is called once per start; its absence does not affect a running server; its refusal seals a start. */
interface Service {
  keyService: object;
  switches: { isAway: boolean };
  handedOut(): number;
  masterKey: Buffer;
}

async function startsUnderKeyOf({ keyService, switches, handedOut, masterKey }: Service): Promise<void> {
  const server = await startServer({ configuration: { egress, keyService } });
  try {
    expect(handedOut()).toBe(1);
    const admin = apiClient(server.url, server.adminKey);
    const body = { datasourceID: 'postgres', qName: 'c', connectionProperties };
    const made = await admin.post('/api/v1/data-connections', body);
    expect(made.status, made.text).toBe(201);
    // A running server does not need the service.
    switches.isAway = true;
    const browse = () =>
      apiClient(server.url, server.adminKey).post(`/api/v1/data-connections/${made.body.qID}/actions/browse`);
    expect((await browse()).body.errors[0].code).toBe('EGRESS-REFUSED');

    await server.restart();
    expect(await readiness(server)).toBe(503);
    expect(server.logText()).toContain('keeps trying');
    switches.isAway = false;
    await expect.poll(() => readiness(server), { timeout: 20_000 }).toBe(200);
    expect((await browse()).body.errors[0].code).toBe('EGRESS-REFUSED');
    for (const form of [masterKey.toString('base64'), masterKey.toString('hex')]) {
      expect(server.logText()).not.toContain(form);
      expect(await server.storedText()).not.toContain(form);
    }
  } finally {
    switches.isAway = false;
    await server.close();
  }
}

/** @returns the log */
async function staysSealed(keyService: object): Promise<string> {
  const server = await startServer({ configuration: { egress, keyService } });
  try {
    expect(await readiness(server)).toBe(503);
    return server.logText();
  } finally {
    await server.close();
  }
}

describe('a master key that the transit engine of Vault or OpenBao decrypts', () => {
  let transit: LabTransit;
  const masterKey = Buffer.from(newHex(32), 'hex');
  const settings = () => {
    const { address, key, token } = transit;
    return { address, key, token, ciphertext: transit.encrypt(masterKey) };
  };

  beforeAll(async () => {
    transit = await startTransit();
  });
  afterAll(() => transit.close());

  it('opens the store, and an absent service seals the next start until it is back', () =>
    startsUnderKeyOf({
      keyService: { transit: settings() },
      switches: transit.switches,
      handedOut: () => transit.answered.filter((status) => status === 200).length,
      masterKey,
    }));

  it('is not returned for a wrong token, and no message contains the token', async () => {
    const log = await staysSealed({ transit: { ...settings(), token: 'hvs.wrong-token-0123' } });
    expect(log).toContain('refuses the token');
    expect(log).not.toContain('hvs.wrong-token-0123');
    expect(transit.answered.at(-1)).toBe(403);
  });

  it('is not returned for a changed ciphertext', async () => {
    const ciphertext = settings().ciphertext.replace(/.{6}$/, 'AAAA==');
    expect(await staysSealed({ transit: { ...settings(), ciphertext } })).toContain('answers 400');
  });

  it('is rejected in the configuration when its ciphertext has the wrong format, or when there are two keys', async () => {
    const start = (keyService: object, environment = {}) =>
      startServer({ configuration: { keyService }, environment });
    await expect(start({ transit: { ...settings(), ciphertext: 'v1:abc' } })).rejects.toThrow('vault:v1');
    const other = { MOORING_MASTER_KEY: masterKey.toString('base64') };
    await expect(start({ transit: settings() }, other)).rejects.toThrow('Two master keys');
  });

  it('is rejected in the configuration when its token would travel unencrypted', async () => {
    const transit = { ...settings(), address: 'http://vault.example:8200' };
    await expect(startServer({ configuration: { keyService: { transit } } })).rejects.toThrow(
      'must be https',
    );
  });
});

describe('a master key that AWS KMS decrypts', () => {
  let kms: LabKms;
  const masterKey = Buffer.from(newHex(32), 'hex');
  const settings = () => {
    const { endpoint, region, keyId, accessKeyId, secretAccessKey } = kms;
    const ciphertext = kms.encrypt(masterKey, { service: 'mooring' });
    return { endpoint, region, keyId, accessKeyId, secretAccessKey, ciphertext };
  };

  beforeAll(async () => {
    kms = await startKms();
  });
  afterAll(() => kms.close());

  it('opens the store, and an absent service seals the next start until it is back', () =>
    startsUnderKeyOf({
      keyService: { awsKms: settings() },
      switches: kms.switches,
      handedOut: () => kms.answered.filter((what) => what === 'ok').length,
      masterKey,
    }));

  it('is requested with keys of the environment, and never with credentials from the network', async () => {
    const { accessKeyId, secretAccessKey, ...rest } = settings();
    const configuration = { egress, keyService: { awsKms: rest } };
    await expect(startServer({ configuration })).rejects.toThrow('AWS_SECRET_ACCESS_KEY');
    const environment = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const server = await startServer({ configuration, environment });
    try {
      expect(await readiness(server)).toBe(200);
      expect(server.logText()).not.toContain(secretAccessKey);
    } finally {
      await server.close();
    }
  });

  it.each([
    ['a wrong secret access key', { secretAccessKey: 'wrong-secret-key' }, 'InvalidSignatureException'],
    ['another encryption context', { encryptionContext: { service: 'other' } }, 'InvalidCiphertextException'],
    ['another key', { keyId: 'alias/other' }, 'IncorrectKeyException'],
  ])('is not given for %s', async (_what, changed, refusal) => {
    const log = await staysSealed({ awsKms: { ...settings(), ...changed } });
    expect(log).toContain(refusal);
    expect(log).not.toContain(kms.secretAccessKey);
    expect(kms.answered.at(-1)).toBe(refusal);
  });
});
