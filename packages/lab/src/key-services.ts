// Stand-ins for two key services, for tests: the transit engine of HashiCorp Vault and OpenBao, and AWS KMS. Both do
// the one call that decrypts, with real cryptography, and check of it what the service checks.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { knowSecret } from './known-secrets.js';
import { listenOnLoopback, readRequestBody } from './loopback-http.js';
import { S3Failure } from './s3/failure.js';
import { verifySignature } from './s3/signature.js';

interface Switches {
  /** Answers as the service does while it cannot work. */
  isAway: boolean;
}

interface Reply {
  status: number;
  body: object;
}

export interface LabTransit {
  /** `http://127.0.0.1:<port>` */
  address: string;
  key: string;
  /** May decrypt. */
  token: string;
  switches: Switches;
  /** Status of each call so far. */
  answered: readonly number[];
  /** @returns `vault:v1:…` */
  encrypt(plaintext: Uint8Array): string;
  close(): Promise<void>;
}

export interface LabKms {
  endpoint: string;
  region: 'eu-west-1';
  keyId: string;
  accessKeyId: string;
  secretAccessKey: string;
  switches: Switches;
  /** `__type` of each refusal, `ok` for each key that was handed out. */
  answered: readonly string[];
  /** @returns `CiphertextBlob` as base64 */
  encrypt(plaintext: Uint8Array, encryptionContext: Readonly<Record<string, string>>): string;
  close(): Promise<void>;
}

const ivLength = 12;
const tagLength = 16;

function encrypt(key: Buffer, plaintext: Uint8Array, aad: string): Buffer {
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(aad));
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @returns undefined for what was not encrypted under this key with this context */
function decrypt(key: Buffer, bytes: Buffer, aad: string): Buffer | undefined {
  if (bytes.length < ivLength + tagLength) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivLength), {
      authTagLength: tagLength,
    });
    decipher.setAAD(Buffer.from(aad)).setAuthTag(bytes.subarray(-tagLength));
    return Buffer.concat([decipher.update(bytes.subarray(ivLength, -tagLength)), decipher.final()]);
  } catch {
    return undefined;
  }
}

async function jsonOf(request: IncomingMessage): Promise<{ bytes: Buffer; json: Record<string, unknown> }> {
  const bytes = await readRequestBody(request);
  try {
    return { bytes, json: JSON.parse(bytes.toString('utf8')) as Record<string, unknown> };
  } catch {
    return { bytes, json: {} };
  }
}

async function listen(answer: (request: IncomingMessage) => Promise<Reply>) {
  return listenOnLoopback(0, () => (request, response) => {
    void answer(request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
}

/** Source of path, headers and answers: https://developer.hashicorp.com/vault/api-docs/secret/transit#decrypt-data */
export async function startTransit(): Promise<LabTransit> {
  const key = 'mooring';
  const token = knowSecret('token of the transit engine', `hvs.${randomBytes(18).toString('base64url')}`);
  const bytesOfKey = randomBytes(32);
  const switches: Switches = { isAway: false };
  const answered: number[] = [];

  const answer = async (request: IncomingMessage): Promise<Reply> => {
    const { json } = await jsonOf(request);
    if (switches.isAway) return { status: 503, body: { errors: ['Vault is sealed'] } };
    if (request.headers['x-vault-token'] !== token) {
      return { status: 403, body: { errors: ['permission denied'] } };
    }
    if (request.method !== 'POST' || request.url !== `/v1/transit/decrypt/${key}`) {
      return { status: 404, body: { errors: [] } };
    }
    const text = /^vault:v1:([A-Za-z0-9+/]+={0,2})$/.exec(String(json['ciphertext']))?.[1];
    if (text === undefined) {
      return { status: 400, body: { errors: ['invalid ciphertext: no prefix'] } };
    }
    const plaintext = decrypt(bytesOfKey, Buffer.from(text, 'base64'), key);
    return plaintext === undefined
      ? { status: 400, body: { errors: ['cipher: message authentication failed'] } }
      : { status: 200, body: { data: { plaintext: plaintext.toString('base64') } } };
  };

  const server = await listen(async (request) => {
    const reply = await answer(request);
    answered.push(reply.status);
    return reply;
  });
  return {
    address: server.url,
    key,
    token,
    switches,
    answered,
    encrypt: (plaintext) => `vault:v1:${encrypt(bytesOfKey, plaintext, key).toString('base64')}`,
    close: server.close,
  };
}

const contextText = (context: unknown): string =>
  JSON.stringify(Object.entries((context ?? {}) as object).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Source of the call: https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html */
export async function startKms(): Promise<LabKms> {
  const region = 'eu-west-1';
  const keyId = `arn:aws:kms:${region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  const accessKeyId = `LABKMS${randomBytes(5).toString('hex').toUpperCase()}`;
  const secretAccessKey = knowSecret('KMS secret key', randomBytes(30).toString('base64'));
  const bytesOfKey = randomBytes(32);
  const switches: Switches = { isAway: false };
  const answered: string[] = [];
  const refused = (status: number, type: string): Reply => ({ status, body: { __type: type } });

  const signatureFailure = async (request: IncomingMessage, body: Uint8Array): Promise<Reply | undefined> => {
    const { method = '', url = '/', headers } = request;
    try {
      await verifySignature(
        { method, path: url, query: new Map(), headers, body },
        { region, service: 'kms', secretOf: (id) => (id === accessKeyId ? secretAccessKey : undefined) },
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof S3Failure)) throw error;
      // The names of the query protocols differ from those of S3.
      return error.code === 'InvalidAccessKeyId'
        ? refused(400, 'UnrecognizedClientException')
        : refused(400, 'InvalidSignatureException');
    }
  };

  const answer = async (request: IncomingMessage): Promise<Reply> => {
    const { bytes, json } = await jsonOf(request);
    if (switches.isAway) return refused(500, 'KMSInternalException');
    const failure = await signatureFailure(request, bytes);
    if (failure) return failure;
    if (request.headers['x-amz-target'] !== 'TrentService.Decrypt') {
      return refused(400, 'UnknownOperationException');
    }
    if (json['KeyId'] !== undefined && json['KeyId'] !== keyId) return refused(400, 'IncorrectKeyException');
    const blob = Buffer.from(String(json['CiphertextBlob']), 'base64');
    const plaintext = decrypt(bytesOfKey, blob, contextText(json['EncryptionContext']));
    if (!plaintext) return refused(400, 'InvalidCiphertextException');
    const body = {
      KeyId: keyId,
      Plaintext: plaintext.toString('base64'),
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    };
    return { status: 200, body };
  };

  const server = await listen(async (request) => {
    const reply = await answer(request);
    answered.push(reply.status === 200 ? 'ok' : (reply.body as { __type: string }).__type);
    return reply;
  });
  return {
    endpoint: server.url,
    region,
    keyId,
    accessKeyId,
    secretAccessKey,
    switches,
    answered,
    encrypt: (plaintext, encryptionContext) =>
      encrypt(bytesOfKey, plaintext, contextText(encryptionContext)).toString('base64'),
    close: server.close,
  };
}
