import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { S3Failure } from './failure.js';

/** A request as it came in, before anything was decoded. */
export interface SignedRequest {
  method: string;
  /** As on the wire, still percent-encoded. */
  path: string;
  query: ReadonlyMap<string, string>;
  headers: IncomingHttpHeaders;
  /** For services that sign the body and send no header with its hash. */
  body?: Uint8Array;
}

interface Authorization {
  accessKey: string;
  day: string;
  region: string;
  service: string;
  signedHeaders: readonly string[];
  signature: string;
}

type SignableRequest = Parameters<SignatureV4['presign']>[0];

const clockSkewMaxMs = 15 * 60 * 1000;

/** What the signer needs of a hash, over node:crypto. */
class Sha256 {
  private readonly inner: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.inner = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: Uint8Array): void {
    this.inner.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.inner.digest();
  }

  reset(): void {
    throw new Error('A signature hash is used once');
  }
}

function bytesOf(secret: string | ArrayBuffer | ArrayBufferView): Uint8Array | string {
  if (typeof secret === 'string') return secret;
  if (secret instanceof ArrayBuffer) return new Uint8Array(secret);
  return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
}

function parseAuthorization(header: string | undefined): Authorization {
  if (header === undefined) throw new S3Failure('AccessDenied', 'Anonymous access is not allowed');
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/;
  const match = form.exec(header);
  if (match === null)
    throw new S3Failure('AuthorizationHeaderMalformed', 'The authorization header is malformed');
  const [, accessKey = '', day = '', region = '', service = '', signed = '', signature = ''] = match;
  return { accessKey, day, region, service, signedHeaders: signed.split(';'), signature };
}

function parseDate(stamp: string | string[] | undefined, day: string): Date {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(stamp ?? ''));
  if (match === null)
    throw new S3Failure('AccessDenied', 'AWS authentication requires a valid x-amz-date header');
  const [, year, month, date, hour, minute, second] = match;
  const at = new Date(`${year}-${month}-${date}T${hour}:${minute}:${second}Z`);
  if (`${year}${month}${date}` !== day)
    throw new S3Failure('AuthorizationHeaderMalformed', 'Invalid credential date');
  if (Math.abs(Date.now() - at.getTime()) > clockSkewMaxMs) {
    throw new S3Failure(
      'RequestTimeTooSkewed',
      'The difference between the request time and ours is too large',
    );
  }
  return at;
}

function signableRequest(request: SignedRequest, signedHeaders: readonly string[]): SignableRequest {
  const headers: Record<string, string> = {};
  for (const name of signedHeaders) {
    const value = request.headers[name];
    if (value === undefined)
      throw new S3Failure('SignatureDoesNotMatch', `The signed header ${name} is missing`);
    headers[name] = Array.isArray(value) ? value.join(',') : value;
  }
  return {
    method: request.method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    path: request.path,
    query: Object.fromEntries(request.query),
    headers,
    ...(request.body === undefined ? {} : { body: request.body }),
  };
}

async function expectedSignature(
  request: SignedRequest,
  given: Authorization,
  secretKey: string,
): Promise<string> {
  const signer = new SignatureV4({
    credentials: { accessKeyId: given.accessKey, secretAccessKey: secretKey },
    region: given.region,
    service: given.service,
    sha256: Sha256,
    // S3 signs the path as it is on the wire; other services escape it a second time.
    uriEscapePath: given.service !== 's3',
    applyChecksum: false,
  });
  const signed = await signer.sign(signableRequest(request, given.signedHeaders), {
    signingDate: parseDate(request.headers['x-amz-date'], given.day),
    signableHeaders: new Set(given.signedHeaders),
  });
  return parseAuthorization(signed.headers['authorization']).signature;
}

/**
 * Checks an AWS Signature Version 4 in the Authorization header by signing the same request again.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @param options.service `s3` unless said otherwise.
 * @param options.secretOf The secret key of an access key.
 * @returns the access key that signed.
 * @throws S3Failure with the code S3 itself answers.
 */
export async function verifySignature(
  request: SignedRequest,
  options: { region: string; service?: string; secretOf: (accessKey: string) => string | undefined },
): Promise<string> {
  const given = parseAuthorization(request.headers.authorization);
  const secretKey = options.secretOf(given.accessKey);
  if (secretKey === undefined) {
    throw new S3Failure(
      'InvalidAccessKeyId',
      'The AWS access key Id you provided does not exist in our records.',
    );
  }
  const service = options.service ?? 's3';
  if (given.region !== options.region || given.service !== service) {
    const message = `The authorization header is malformed; the region '${given.region}' is wrong; expecting '${options.region}'`;
    throw new S3Failure('AuthorizationHeaderMalformed', message);
  }
  for (const needed of ['host', 'x-amz-date', service === 's3' ? 'x-amz-content-sha256' : 'x-amz-target']) {
    if (!given.signedHeaders.includes(needed)) {
      throw new S3Failure('AccessDenied', `The header ${needed} must be signed`);
    }
  }
  const expected = Buffer.from(await expectedSignature(request, given, secretKey));
  if (!timingSafeEqual(expected, Buffer.from(given.signature))) {
    const message = 'The request signature we calculated does not match the signature you provided.';
    throw new S3Failure('SignatureDoesNotMatch', `${message} Check your key and signing method.`);
  }
  return given.accessKey;
}

/**
 * Checks the body against the signed `x-amz-content-sha256` and takes chunk framing off.
 * @throws S3Failure when the hash differs, or for chunk-signed bodies, which this server does not check.
 */
export function verifyPayload(declared: string, body: Buffer): Buffer {
  if (declared === 'UNSIGNED-PAYLOAD') return body;
  if (declared === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return decodeChunks(body);
  if (declared.startsWith('STREAMING-')) {
    throw new S3Failure('NotImplemented', `The payload mode ${declared} is not implemented`);
  }
  if (createHash('sha256').update(body).digest('hex') !== declared) {
    throw new S3Failure(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match",
    );
  }
  return body;
}

/** Framing of `aws-chunked`: hexadecimal size, CRLF, data, CRLF, …, a chunk of size 0, trailers. */
function decodeChunks(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let position = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', position);
    const size = Number.parseInt(body.subarray(position, lineEnd).toString('latin1'), 16);
    if (lineEnd < 0 || Number.isNaN(size) || lineEnd + 2 + size > body.length) {
      throw new S3Failure('IncompleteBody', 'The chunked body is not complete');
    }
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    position = lineEnd + 2 + size + 2;
  }
}
