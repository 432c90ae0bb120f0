// An S3 server for tests. The one from npm that was tried first (fauxqs 1.9) accepts any secret, sorts keys by
// locale while it compares them by code unit, and repeats folders across pages, so tests of paging and of
// rights would prove nothing; this one implements the calls of a reader as S3 does.
import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { knowSecret } from './known-secrets.js';
import { listenOnLoopback, readRequestBody } from './loopback-http.js';
import { failureXml, S3Failure } from './s3/failure.js';
import { bucketLocationXml, listBucketsXml, listObjectsXml } from './s3/listing.js';
import { type Buckets, type StoredObject, storedBytes } from './s3/objects.js';
import { sampleBuckets } from './s3/samples.js';
import { verifyPayload, verifySignature } from './s3/signature.js';

export interface S3Account {
  accessKey: string;
  secretKey: string;
}

/** A running S3 stand-in; path-style addresses, header signatures (SigV4) only. */
export interface LabS3 {
  url: string;
  region: 'us-east-1';
  /** `mooring-lab` has the samples, `mooring-lab-archive` one object, `mooring-lab-scratch` is empty. */
  buckets: readonly string[];
  /**
   * `analyst` lists and reads everything and writes to the scratch bucket. `intern` lists and reads
   * `public/` of `mooring-lab` only, not even the list of buckets.
   */
  accounts: { analyst: S3Account; intern: S3Account };
  close(): Promise<void>;
}

interface Call {
  method: string;
  /** Undefined: the service itself. */
  bucket: string | undefined;
  /** Empty: the bucket itself. */
  key: string;
  query: ReadonlyMap<string, string>;
}

const region = 'us-east-1';
const scratchBucket = 'mooring-lab-scratch';
const putBytesMax = 100_000_000;

function freshAccount(name: string): S3Account {
  const accessKey = `LAB${name.toUpperCase()}${randomBytes(4).toString('hex').toUpperCase()}`;
  return { accessKey, secretKey: knowSecret(`S3 secret key of ${name}`, randomBytes(30).toString('base64')) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Failure('InvalidArgument', 'The request is not properly percent-encoded');
  }
}

function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split('&').filter(Boolean)) {
    const cut = pair.indexOf('=');
    const name = decode(cut < 0 ? pair : pair.slice(0, cut));
    // Rights are decided on the value that is used, so there must be only one.
    if (query.has(name)) throw new S3Failure('InvalidArgument', `The parameter ${name} occurs twice`);
    query.set(name, cut < 0 ? '' : decode(pair.slice(cut + 1)));
  }
  return query;
}

function parseCall(method: string, path: string, query: ReadonlyMap<string, string>): Call {
  const [bucket = '', ...key] = path.slice(1).split('/').map(decode);
  return { method, bucket: bucket === '' ? undefined : bucket, key: key.join('/'), query };
}

function requireRight(isAnalyst: boolean, call: Call): void {
  const isRead = call.method === 'GET' || call.method === 'HEAD';
  const scope = call.key === '' ? (call.query.get('prefix') ?? '') : call.key;
  const isPublic = call.bucket === 'mooring-lab' && scope.startsWith('public/');
  const isAllowed = isAnalyst
    ? isRead || (call.bucket === scratchBucket && call.key !== '')
    : isRead && isPublic;
  if (!isAllowed) throw new S3Failure('AccessDenied', 'Access Denied');
}

function parseRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' ? size : last + 1;
  if (start >= end) throw new S3Failure('InvalidRange', 'The requested range is not satisfiable');
  return { start, end };
}

async function sendObject(
  request: IncomingMessage,
  response: ServerResponse,
  object: StoredObject,
): Promise<void> {
  if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== object.etag) {
    throw new S3Failure(
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
    );
  }
  response.setHeader('etag', object.etag);
  response.setHeader('last-modified', object.modified.toUTCString());
  if (request.headers['if-none-match'] === object.etag) {
    response.writeHead(304).end();
    return;
  }
  const range = parseRange(request.headers.range, object.size);
  const { start, end } = range ?? { start: 0, end: object.size };
  response.statusCode = range === undefined ? 200 : 206;
  if (range !== undefined) response.setHeader('content-range', `bytes ${start}-${end - 1}/${object.size}`);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-type', object.contentType);
  response.setHeader('content-length', end - start);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await pipeline(Readable.from(object.read(start, end)), response);
}

function sendXml(response: ServerResponse, xml: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) });
  response.end(xml);
}

function sendBucket(
  response: ServerResponse,
  call: Call,
  bucket: string,
  objects: Map<string, StoredObject>,
): void {
  const subresource = [...call.query.keys()].find((name) => call.query.get(name) === '' && name !== 'prefix');
  if (call.method === 'HEAD') {
    response.writeHead(200, { 'x-amz-bucket-region': region }).end();
  } else if (subresource === 'location') {
    sendXml(response, bucketLocationXml);
  } else if (subresource !== undefined && !['delimiter', 'marker', 'start-after'].includes(subresource)) {
    throw new S3Failure('NotImplemented', `The subresource ${subresource} is not implemented`);
  } else {
    sendXml(response, listObjectsXml(bucket, objects, call.query));
  }
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  call: Call;
  body: Buffer;
}

async function answer(
  buckets: Buckets,
  created: Date,
  { request, response, call, body }: Exchange,
): Promise<void> {
  if (call.bucket === undefined) {
    sendXml(response, listBucketsXml(buckets, created));
    return;
  }
  const objects = buckets.get(call.bucket);
  if (objects === undefined) throw new S3Failure('NoSuchBucket', 'The specified bucket does not exist');
  if (call.key === '') {
    sendBucket(response, call, call.bucket, objects);
  } else if (call.method === 'PUT') {
    const stored = storedBytes(body, request.headers['content-type']);
    objects.set(call.key, stored);
    response.writeHead(200, { etag: stored.etag }).end();
  } else if (call.method === 'DELETE') {
    objects.delete(call.key);
    response.writeHead(204).end();
  } else if (call.method === 'GET' || call.method === 'HEAD') {
    const object = objects.get(call.key);
    if (object === undefined) throw new S3Failure('NoSuchKey', 'The specified key does not exist.');
    await sendObject(request, response, object);
  } else {
    throw new S3Failure('MethodNotAllowed', 'The specified method is not allowed against this resource.');
  }
}

export interface S3Options {
  /** 0 (default): a free one. */
  port?: number;
  /** Rows of `public/long.parquet`; 0 (default): no such file. */
  longParquetRows?: number;
  /** More objects below `hostile/` of `mooring-lab`, by their names. */
  forged?: Readonly<Record<string, Buffer>>;
}

/** Starts the S3 stand-in on 127.0.0.1, with fresh secrets. */
export async function startS3(options: S3Options = {}): Promise<LabS3> {
  const buckets = sampleBuckets(options.longParquetRows ?? 0, options.forged ?? {});
  const created = new Date();
  const accounts = { analyst: freshAccount('analyst'), intern: freshAccount('intern') };
  const secrets = new Map(Object.values(accounts).map(({ accessKey, secretKey }) => [accessKey, secretKey]));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    response.setHeader('x-amz-request-id', requestId);
    const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
    try {
      const method = request.method ?? 'GET';
      const query = parseQuery(search);
      const signed = { method, path, query, headers: request.headers };
      const accessKey = await verifySignature(signed, { region, secretOf: (key) => secrets.get(key) });
      const call = parseCall(method, path, query);
      requireRight(accessKey === accounts.analyst.accessKey, call);
      const sent = await readRequestBody(request, putBytesMax);
      const body = verifyPayload(String(request.headers['x-amz-content-sha256']), sent);
      await answer(buckets, created, { request, response, call, body });
    } catch (error) {
      if (!(error instanceof S3Failure) || response.headersSent) {
        response.destroy();
        return;
      }
      if (request.method === 'HEAD') response.writeHead(error.status).end();
      else sendXml(response, failureXml(error, path, requestId), error.status);
    }
  }

  const server = await listenOnLoopback(options.port ?? 0, () => (request, response) => {
    void handle(request, response);
  });
  return { url: server.url, region, buckets: [...buckets.keys()], accounts, close: server.close };
}
