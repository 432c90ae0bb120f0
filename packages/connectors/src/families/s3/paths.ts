import { ConnectorError } from '../../interface/errors.js';
import { bucketNamePattern, keyBytesMax } from './properties.js';

/**
 * A place in S3. A path is `[bucket, 'folder/', 'file.csv']`: a folder's segment ends in a slash, so that the joined
 * segments are the key. On a connection that is restricted to a bucket, paths are relative to it.
 */
export interface Place {
  bucket: string;
  /** Empty for the bucket itself. */
  key: string;
}

function refuse(message: string): ConnectorError {
  return new ConnectorError('invalid_query', message, {
    remedy: 'Use a path from browse: [bucket, "folder/", "file.csv"].',
  });
}

/**
 * Resolves a path and adds missing slashes between segments.
 * @returns undefined for the root of a connection without a bucket
 * @throws ConnectorError `invalid_query` for paths that a server or proxy might resolve to another place
 */
export function resolvePath(path: readonly string[], confinedTo: string | undefined): Place | undefined {
  const [bucket, ...rest] = confinedTo === undefined ? path : [confinedTo, ...path];
  if (bucket === undefined) return undefined;
  if (!bucketNamePattern.test(bucket)) throw refuse('The path does not start with a bucket name.');
  if (rest.some((segment) => segment === '')) throw refuse('The path has an empty segment.');
  const key = rest
    .map((segment, index) => (index < rest.length - 1 && !segment.endsWith('/') ? `${segment}/` : segment))
    .join('');
  if (Buffer.byteLength(key) > keyBytesMax) throw refuse(`The path is longer than ${keyBytesMax} bytes.`);
  if (key.split('/').some((part) => part === '.' || part === '..')) {
    throw refuse('The path contains the segment "." or "..".');
  }
  return { bucket, key };
}
