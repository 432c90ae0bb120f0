// Buckets and objects as a store of files. S3 has no sessions: every request proves the keys again.
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Path } from '../../interface/plan.js';
import type { ByteStream, BytesRequest, Context } from '../../interface/session.js';
import type { Store } from '../files/store.js';
import { listBuckets, listObjects } from './browse.js';
import { createS3Client } from './client.js';
import { s3Options } from './client-options.js';
import { type Place, resolvePath } from './paths.js';
import type { S3Input } from './properties.js';
import { storedObject } from './stored-object.js';

/** Proves the keys: a request that is denied for missing permissions had a valid signature. */
async function ping(client: S3Client, bucket: string | undefined, abortSignal: AbortSignal): Promise<void> {
  try {
    if (bucket === undefined) await client.send(new ListBucketsCommand({}), { abortSignal });
    // Not HeadBucket: its error has no body, so wrong keys and missing permissions would look the same.
    else await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }), { abortSignal });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AccessDenied') throw error;
  }
}

/** @throws ConnectorError `invalid_query` for a bucket or a folder */
function objectAt(path: Path, bucket: string | undefined): Place {
  const place = resolvePath(path, bucket);
  if (place === undefined || place.key === '' || place.key.endsWith('/')) {
    throw new ConnectorError('invalid_query', 'The path names a bucket or folder, not an object.');
  }
  return place;
}

const isContent = (body: unknown): body is Readable => body instanceof Readable;

/** `bytes 0-9/100` → first, last and size. Source: RFC 9110 section 14.4. */
const contentRange = /^bytes (\d+)-(\d+)\/(\d+)$/;

async function bytesOf(
  client: S3Client,
  { bucket, key }: Place,
  range: BytesRequest['range'],
  { signal }: Call,
): Promise<ByteStream> {
  const part = range ? { Range: `bytes=${range.from}-${range.to ?? ''}` } : {};
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...part }), {
    abortSignal: signal,
  });
  const { Body, ContentLength, ContentRange, ETag } = answer;
  if (!isContent(Body)) throw new ConnectorError('protocol_error', 'The source sent no content.');
  const [, from, to, size] = contentRange.exec(ContentRange ?? '') ?? [];
  if (range && (from === undefined || Number(from) !== range.from)) {
    Body.destroy();
    throw new ConnectorError('unsupported', 'The source does not support range requests.');
  }
  const whole = range ? Number(size) : ContentLength;
  return {
    name: key.slice(key.lastIndexOf('/') + 1),
    ...(whole === undefined ? {} : { size: whole }),
    ...(range ? { range: { from: Number(from), to: Number(to) } } : {}),
    ...(ETag === undefined ? {} : { etag: ETag }),
    chunks: Body,
  };
}

export async function openS3Store(input: S3Input, context: Context): Promise<Store> {
  const options = s3Options(input);
  const client = createS3Client(options, context);
  const { bucket, file: defaults } = options;
  return {
    defaults,
    async ping({ signal }) {
      await ping(client, bucket, signal);
      return {};
    },
    list(request, { signal }) {
      const place = resolvePath(request.path, bucket);
      return place ? listObjects(client, place, request, signal) : listBuckets(client, request, signal);
    },
    async assertFile(path, { signal }) {
      const place = objectAt(path, bucket);
      await client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: place.key }), {
        abortSignal: signal,
      });
    },
    file: (path, { signal }) => storedObject(client, objectAt(path, bucket), signal),
    bytes: ({ path, range }, call) => bytesOf(client, objectAt(path, bucket), range, call),
    close: async () => client.destroy(),
  };
}
