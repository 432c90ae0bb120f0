import { ListBucketsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { BrowseRequest, Item, Page } from '../../interface/session.js';
import type { Place } from './paths.js';

type Listing = Page<Omit<Item, 'readable'>>;

const listMax = 1_000;

/** S3 returns all buckets at once, so paging is done here: the page token is the last name returned. */
export async function listBuckets(
  client: S3Client,
  { limit, page }: BrowseRequest,
  abortSignal: AbortSignal,
): Promise<Listing> {
  const answer = await client.send(new ListBucketsCommand({}), { abortSignal });
  const names = (answer.Buckets ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name])).sort();
  const left = page === undefined ? names : names.filter((name) => name > page);
  const items = left
    .slice(0, limit)
    .map((name) => ({ name, kind: 'bucket' as const, path: [name], container: true }));
  const last = items.at(-1)?.name;
  return left.length > items.length && last !== undefined ? { items, next: last } : { items };
}

/** Keys are requested in URL encoding, because XML cannot represent all characters of a key. */
function decoderOf(encoding: string | undefined): (text: string) => string {
  return encoding === 'url' ? (text) => decodeURIComponent(text.replaceAll('+', ' ')) : (text) => text;
}

/** The folders and objects below a place. */
export async function listObjects(
  client: S3Client,
  { bucket, key }: Place,
  { path, limit, page }: BrowseRequest,
  abortSignal: AbortSignal,
): Promise<Listing> {
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
  const items: Listing['items'][number][] = [];
  for (const { Prefix } of answer.CommonPrefixes ?? []) {
    const name = decode(Prefix ?? '').slice(prefix.length);
    if (name === '') continue;
    items.push({ name, kind: 'folder', path: [...path, name], container: true });
  }
  for (const { Key, Size, LastModified } of answer.Contents ?? []) {
    const name = decode(Key ?? '').slice(prefix.length);
    // The empty object that consoles create to show an empty folder.
    if (name === '') continue;
    items.push({
      name,
      kind: 'file',
      path: [...path, name],
      container: false,
      ...(Size === undefined ? {} : { sizeBytes: Size }),
      ...(LastModified === undefined ? {} : { modified: LastModified.toISOString() }),
    });
  }
  const next = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
  return next === undefined ? { items } : { items, next };
}
