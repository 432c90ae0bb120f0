import { ListBucketsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { FileOptions } from '@mooring/contract/file-options';
import type { BrowseAnswer, BrowseItem, BrowseRequest } from '../../interface/connector.js';
import { isReadable } from '../files/formats.js';
import { type Place, resolvePath } from './paths.js';

interface BrowseContext {
  client: S3Client;
  abortSignal: AbortSignal;
  /** The bucket to which the connection is restricted, if any. */
  bucket: string | undefined;
  /** Defaults for reading its files. */
  file: FileOptions;
}

const listMax = 1_000;

/** S3 returns all buckets at once, so paging is done here: the page token is the last name returned. */
async function browseBuckets({ limit, page }: BrowseRequest, context: BrowseContext): Promise<BrowseAnswer> {
  const answer = await context.client.send(new ListBucketsCommand({}), { abortSignal: context.abortSignal });
  const names = (answer.Buckets ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name])).sort();
  const left = page === undefined ? names : names.filter((name) => name > page);
  const items = left
    .slice(0, limit)
    .map((name): BrowseItem => ({ name, kind: 'bucket', path: [name], readable: false, container: true }));
  const last = items.at(-1)?.name;
  return left.length > items.length && last !== undefined ? { items, next: last } : { items };
}

/** Keys are requested in URL encoding, because XML cannot represent all characters of a key. */
function decoderOf(encoding: string | undefined): (text: string) => string {
  return encoding === 'url' ? (text) => decodeURIComponent(text.replaceAll('+', ' ')) : (text) => text;
}

async function browseObjects(
  { path, limit, page, file: asked }: BrowseRequest,
  { bucket, key }: Place,
  { client, abortSignal, file }: BrowseContext,
): Promise<BrowseAnswer> {
  const prefix = key === '' || key.endsWith('/') ? key : `${key}/`;
  const answer = await client.send(
    new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      Delimiter: '/',
      EncodingType: 'url',
      MaxKeys: Math.min(limit, listMax),
      ...(page === undefined ? {} : { ContinuationToken: page }),
    }),
    { abortSignal },
  );
  const decode = decoderOf(answer.EncodingType);
  const items: BrowseItem[] = [];
  for (const { Prefix } of answer.CommonPrefixes ?? []) {
    const name = decode(Prefix ?? '').slice(prefix.length);
    if (name === '') continue;
    items.push({ name, kind: 'folder', path: [...path, name], readable: false, container: true });
  }
  for (const { Key, Size, LastModified } of answer.Contents ?? []) {
    const name = decode(Key ?? '').slice(prefix.length);
    // The empty object that consoles create to show an empty folder.
    if (name === '') continue;
    items.push({
      name,
      kind: 'file',
      path: [...path, name],
      readable: isReadable(name, { ...file, ...asked }),
      container: false,
      ...(Size === undefined ? {} : { sizeBytes: Size }),
      ...(LastModified === undefined ? {} : { modified: LastModified.toISOString() }),
    });
  }
  const next = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
  return next === undefined ? { items } : { items, next };
}

/** Lists buckets, or the folders and objects below a path. Throws the SDK's own errors. */
export async function browseS3(request: BrowseRequest, context: BrowseContext): Promise<BrowseAnswer> {
  const place = resolvePath(request.path, context.bucket);
  return place ? browseObjects(request, place, context) : browseBuckets(request, context);
}
