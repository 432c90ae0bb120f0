import { escapeXml, S3Failure } from './failure.js';
import type { Buckets, StoredObject } from './objects.js';

const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n';
const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const owner = '<Owner><ID>lab</ID><DisplayName>lab</DisplayName></Owner>';

type Entry = { key: string; object: StoredObject } | { prefix: string };

function nameOf(entry: Entry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}

/** Keys and rolled-up prefixes in the order of their UTF-8 bytes, which is S3's. */
function entriesOf(objects: ReadonlyMap<string, StoredObject>, prefix: string, delimiter: string): Entry[] {
  const entries = new Map<string, Entry>();
  for (const [key, object] of objects) {
    if (!key.startsWith(prefix)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const entry = cut < 0 ? { key, object } : { prefix: key.slice(0, cut + delimiter.length) };
    entries.set(nameOf(entry), entry);
  }
  return [...entries.values()].sort((a, b) => Buffer.compare(Buffer.from(nameOf(a)), Buffer.from(nameOf(b))));
}

function isAfter(entry: Entry, start: string): boolean {
  const name = nameOf(entry);
  // A key inside a rolled-up prefix as the start (`start-after`) leaves the prefix itself behind, too.
  if ('prefix' in entry && start.startsWith(name)) return false;
  return Buffer.compare(Buffer.from(name), Buffer.from(start)) > 0;
}

function keysMax(query: ReadonlyMap<string, string>): number {
  const text = query.get('max-keys') ?? '1000';
  if (!/^\d{1,9}$/.test(text)) throw new S3Failure('InvalidArgument', 'Provided max-keys not an integer');
  return Math.min(Number(text), 1000);
}

function startOf(query: ReadonlyMap<string, string>, isSecondVersion: boolean): string {
  if (!isSecondVersion) return query.get('marker') ?? '';
  const token = query.get('continuation-token');
  return token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
}

function entryXml(entry: Entry, encode: (text: string) => string): string {
  if ('prefix' in entry) return `<CommonPrefixes><Prefix>${encode(entry.prefix)}</Prefix></CommonPrefixes>`;
  const { etag, modified, size } = entry.object;
  return `<Contents><Key>${encode(entry.key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
}

/**
 * ListObjectsV2, and ListObjects where `list-type` is not 2.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export function listObjectsXml(
  bucket: string,
  objects: ReadonlyMap<string, StoredObject>,
  query: ReadonlyMap<string, string>,
): string {
  const isSecondVersion = query.get('list-type') === '2';
  const isUrlEncoded = query.get('encoding-type') === 'url';
  const encode = (text: string) => (isUrlEncoded ? encodeURIComponent(text) : escapeXml(text));
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const start = startOf(query, isSecondVersion);
  const max = keysMax(query);
  const entries = entriesOf(objects, prefix, delimiter).filter(
    (entry) => start === '' || isAfter(entry, start),
  );
  const shown = entries.slice(0, max);
  const isTruncated = shown.length > 0 && entries.length > shown.length;
  const last = shown.at(-1);
  const parts = [
    `${xmlHead}<ListBucketResult ${namespace}><Name>${bucket}</Name><Prefix>${encode(prefix)}</Prefix>`,
    `<MaxKeys>${max}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>`,
  ];
  if (delimiter !== '') parts.push(`<Delimiter>${encode(delimiter)}</Delimiter>`);
  if (isUrlEncoded) parts.push('<EncodingType>url</EncodingType>');
  if (isSecondVersion) parts.push(`<KeyCount>${shown.length}</KeyCount>`);
  else parts.push(`<Marker>${encode(start)}</Marker>`);
  if (isTruncated && last !== undefined) {
    const token = Buffer.from(nameOf(last)).toString('base64url');
    parts.push(
      isSecondVersion
        ? `<NextContinuationToken>${token}</NextContinuationToken>`
        : `<NextMarker>${encode(nameOf(last))}</NextMarker>`,
    );
  }
  for (const entry of shown) parts.push(entryXml(entry, encode));
  return `${parts.join('')}</ListBucketResult>`;
}

/** ListBuckets. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html */
export function listBucketsXml(buckets: Buckets, created: Date): string {
  const rows = [...buckets.keys()].map(
    (name) => `<Bucket><Name>${name}</Name><CreationDate>${created.toISOString()}</CreationDate></Bucket>`,
  );
  return `${xmlHead}<ListAllMyBucketsResult ${namespace}>${owner}<Buckets>${rows.join('')}</Buckets></ListAllMyBucketsResult>`;
}

/** GetBucketLocation: an empty constraint stands for us-east-1. */
export const bucketLocationXml = `${xmlHead}<LocationConstraint ${namespace}/>`;
