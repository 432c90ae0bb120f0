import {
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import type {
  Connector,
  ConnectorInput,
  ReadRequest,
  RowStream,
  Session,
  SessionContext,
} from '../../interface/connector.js';
import type { Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { throwIfAborted } from '../../kit/deadline.js';
import { translate } from '../../kit/errors.js';
import { isReadable } from '../files/formats.js';
import { readFile } from '../files/read-file.js';
import { browseS3 } from './browse.js';
import { createS3Client } from './client.js';
import { type S3Options, s3Options, s3Target } from './client-options.js';
import { s3ErrorName, s3Errors } from './errors.js';
import { resolvePath } from './paths.js';
import { storedObject } from './stored-object.js';

/** Proves the keys: a request that is denied for missing permissions had a valid signature. */
async function ping(client: S3Client, bucket: string | undefined, abortSignal: AbortSignal): Promise<void> {
  try {
    if (bucket === undefined) await client.send(new ListBucketsCommand({}), { abortSignal });
    // Not HeadBucket: its error has no body, so wrong keys and missing permissions would look the same.
    else await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }), { abortSignal });
  } catch (error) {
    if (s3ErrorName(error) !== 'AccessDenied') throw error;
  }
}

async function openObject(
  client: S3Client,
  options: S3Options,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<RowStream> {
  const { bucket, file } = options;
  if (request.path === undefined)
    throw new ConnectorError('unsupported', 'S3 does not support queries; read a path.');
  const place = resolvePath(request.path, bucket);
  if (place === undefined || place.key === '' || place.key.endsWith('/')) {
    throw new ConnectorError('invalid_query', 'The path names a bucket or folder, not an object.');
  }
  if (!isReadable(place.key, { ...file, ...request.file })) {
    // Distinguishes a missing object from one of an unreadable kind.
    await client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: place.key }), {
      abortSignal: signal,
    });
  }
  return readFile(storedObject(client, place, signal), request, file);
}

function translated(stream: RowStream, signal: AbortSignal): RowStream {
  const iterate = (): AsyncIterator<readonly Row[]> => {
    const batches = stream.batches[Symbol.asyncIterator]();
    return {
      next: () =>
        batches.next().catch((error: unknown) => {
          throw translate(s3Errors, error, signal);
        }),
      return: async () => {
        await batches.return?.();
        return { done: true, value: undefined };
      },
    };
  };
  return { ...stream, batches: { [Symbol.asyncIterator]: iterate } };
}

function createSession(options: S3Options, context: SessionContext): Session {
  const closing = new AbortController();
  const signal = AbortSignal.any([context.signal, closing.signal]);
  const client = createS3Client(options, context);
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      throw translate(s3Errors, error, signal);
    }
  };
  return {
    ping: () => attempt(() => ping(client, options.bucket, signal)),
    browse: (request) =>
      attempt(() =>
        browseS3(request, { client, abortSignal: signal, bucket: options.bucket, file: options.file }),
      ),
    read: (request) =>
      attempt(async () => translated(await openObject(client, options, request, signal), signal)),
    close: async () => {
      closing.abort();
      client.destroy();
    },
  };
}

/**
 * The connector of both S3 sources. S3 has no sessions: `open` prepares a client, and every request proves the keys
 * again.
 */
export function s3Connector(optionsOf: (input: ConnectorInput) => S3Options): Connector {
  return {
    targets: (properties) => [s3Target(s3Options({ properties, login: { signIn: '', fields: {} } }))],
    open: async (input, context) => {
      throwIfAborted(context.signal);
      const options = optionsOf(input);
      const { accessKeyId, secretAccessKey } = options.credentials;
      if (accessKeyId === '' || secretAccessKey === '') {
        throw new ConnectorError('auth_failed', 'The access key or the secret key is missing.');
      }
      return createSession(options, context);
    },
  };
}
