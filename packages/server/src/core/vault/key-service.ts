import type { Network } from '@mooring/connectors/interface/network';
import { createByteCollector } from '@mooring/connectors/kit/byte-collector';
import type { KeyServiceSource } from '../config/config.js';
import { readAnswerJson } from '../egress/answer-json.js';
import { type KeyEncryptionKey, KeyError, keyFrom } from './keyring.js';

// A master key that is encrypted in the configuration; a key service decrypts it at each start. No message contains
// key or token.

type TransitSource = Extract<KeyServiceSource, { source: 'transit' }>;
type KmsSource = Extract<KeyServiceSource, { source: 'aws-kms' }>;

/** The key service returned no key. Retrying may help after the cause in the message is resolved. */
export class KeyServiceError extends KeyError {
  override name = 'KeyServiceError';
}

const answerMs = 10_000;
const answerBytesMax = 64 * 1024;

/** Collects an answer of KMS up to a limit, which its client lacks. */
async function collectAnswer(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const collected = createByteCollector();
  for await (const chunk of stream) {
    if (collected.length + chunk.length > answerBytesMax) throw new Error('The answer is too large.');
    collected.append(chunk);
  }
  return collected.take();
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** The service's own message; it names policies and paths, never a value. */
function reasonOf(body: unknown): string {
  const { errors } = (body ?? {}) as { errors?: unknown };
  const texts = Array.isArray(errors) ? errors.filter(isText) : [];
  return texts.length > 0 ? ` (${texts.join('; ').slice(0, 200)})` : '';
}

async function fromTransit(settings: TransitSource, network: Network): Promise<string> {
  const { address, mount, key, ciphertext, token, namespace, ca } = settings;
  const base = address.replace(/\/+$/, '');
  const where = `The transit engine at ${base}`;
  const path = [...mount.split('/'), 'decrypt', key].map(encodeURIComponent).join('/');
  let answer: Response;
  let body: unknown;
  try {
    answer = await network.fetch(`${base}/v1/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-vault-token': token.reveal(),
        'x-vault-request': 'true',
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      },
      body: JSON.stringify({ ciphertext }),
      bodyBytesMax: answerBytesMax,
      signal: AbortSignal.timeout(answerMs),
      ...(ca === undefined ? {} : { ca }),
    });
    body = await readAnswerJson(answer).catch(() => undefined);
  } catch (cause) {
    throw new KeyServiceError(`${where} does not answer. The server keeps trying.`, { cause });
  }
  if (answer.status !== 200) {
    const what =
      answer.status === 403
        ? 'refuses the token, or the token may not decrypt with this key'
        : `answers ${answer.status}`;
    throw new KeyServiceError(`${where} ${what}${reasonOf(body)}. The server keeps trying.`);
  }
  const plaintext = (body as { data?: { plaintext?: unknown } } | undefined)?.data?.plaintext;
  if (!isText(plaintext)) throw new KeyServiceError(`${where} answers without a plaintext.`);
  return plaintext;
}

async function fromKms(settings: KmsSource, network: Network): Promise<string> {
  const { region, keyId, ciphertext, encryptionContext, endpoint, credentials } = settings;
  // Loaded on first use: most servers have no key service.
  const { DecryptCommand, KMSClient, KMSServiceException } = await import('@aws-sdk/client-kms');
  const { http, https } = network.agents();
  const client = new KMSClient({
    region,
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey.reveal(),
      ...(credentials.sessionToken ? { sessionToken: credentials.sessionToken.reveal() } : {}),
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ignoreConfiguredEndpointUrls: true,
    requestHandler: {
      httpAgent: http,
      httpsAgent: https,
      connectionTimeout: answerMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
    },
    streamCollector: collectAnswer,
    maxAttempts: 2,
  });
  try {
    const { Plaintext: bytes } = await client.send(
      new DecryptCommand({
        CiphertextBlob: Buffer.from(ciphertext, 'base64'),
        KeyId: keyId,
        EncryptionContext: encryptionContext,
      }),
    );
    return Buffer.from(bytes ?? []).toString('base64');
  } catch (cause) {
    const what =
      cause instanceof KMSServiceException ? `refuses to decrypt (${cause.name})` : 'does not answer';
    throw new KeyServiceError(`AWS KMS in ${region} ${what}. The server keeps trying.`, { cause });
  } finally {
    client.destroy();
    http.destroy();
    https.destroy();
  }
}

/**
 * Decrypts the master key with the key service.
 * @throws KeyServiceError when the service does not decrypt it
 * @throws KeyError when the decrypted value is not a valid key
 */
export async function decryptMasterKey(
  settings: KeyServiceSource,
  network: Network,
): Promise<KeyEncryptionKey> {
  return settings.source === 'transit'
    ? keyFrom(await fromTransit(settings, network), 'what the transit engine decrypts')
    : keyFrom(await fromKms(settings, network), 'what AWS KMS decrypts');
}
