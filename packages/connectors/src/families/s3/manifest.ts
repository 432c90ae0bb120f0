import type { SourceManifest } from '../../spec/manifest.js';
import { keyBytesMax, s3Properties, s3SignIns } from './properties.js';

// Pure data: manifests import this at start, so no driver is imported here.

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#3f7d20" stroke-width="1.6">' +
  '<ellipse cx="12" cy="5" rx="8" ry="2.6"/><path d="M4 5l2.2 14c.3 1.4 2.7 2.4 5.8 2.4s5.5-1 5.8-2.4L20 5"/>' +
  '<circle cx="12" cy="12.5" r="1.6"/></svg>';

/** A bucket, and segments of one byte each at the least. */
const bucketAndKey = 1 + keyBytesMax;

/** What the manifests of both S3 sources have in common; they differ in id, name and version. */
export const s3Manifest = {
  provider: 'QvWebStorageProviderConnectorPackage.exe',
  statementProvider: 'QvWebConnectorPackage.exe',
  providerName: 'Qlik Web Connectors',
  sourceProperty: 'sourceType',
  connectorVersion: '1.0.0',
  category: 'file',
  stage: 'beta',
  links: [
    {
      title: 'Access keys for IAM users',
      url: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html',
    },
    {
      title: 'Amazon S3 endpoints',
      url: 'https://docs.aws.amazon.com/general/latest/gr/s3.html',
    },
  ],
  icon,
  properties: s3Properties,
  formerDefaults: { storeSseHeader: false },
  signIns: s3SignIns,
  capabilities: {
    readPath: true,
    readQuery: false,
    files: true,
    readOnlyAtSource: false,
    browseDepth: bucketAndKey,
  },
  evidence: {
    verifiedAgainst: [
      'AWS SDK v3 against an S3-compatible server on loopback that checks Signature Version 4 for two accounts',
    ],
    notVerified: ['Amazon S3 itself', 'temporary keys from AWS STS', 'directory buckets (S3 Express)'],
    limits: [
      'Files: .csv, .tsv, .json, .ndjson, .jsonl, each also as .gz, and .parquet; told by the ending of the name, or by "file": {"format": …}.',
      'CSV and TSV: delimiter (comma, semicolon, tab, pipe), line ends, blanks behind delimiters and delimiters at the end of records are detected in the first 100 lines and told (`file` in a preview, header `Mooring-File`); what could be two tables is refused, and `file` says which one it is. The first record is the header unless "header": false. Values are text unless columnTypes says otherwise, an empty field is the empty text, missing trailing fields and empty lines of a file of one column are null, a record longer than the header fails.',
      'Text files are UTF-8, or UTF-16 or UTF-32 as a mark or their first characters show; bytes that are no text in that are refused, and `encoding` names another one.',
      'NDJSON that is named .json is read as NDJSON. JSON is held as a whole, up to 64 MB and 10 million values. NDJSON is streamed; its first 1,000 rows (4 MB at most) decide the columns, and the fields of later rows come in the column _more. Numbers keep every digit.',
      'Parquet: read by ranges and decoded page by page; of each wanted column one page is opened whole, for a preview too, and open pages and decoded values take 256 MB at most. Values are exact, at the top level as in lists, maps and structs; maps whose keys are no text are lists of {key, value}. A value that cannot be told (a time of day beyond 24 hours, text that is not UTF-8) is refused, its column and row named; VARIANT and encrypted columns are refused by name.',
      'A record or line holds at most 8 MB and a million values, a file at most 10,000 columns, and gzip may expand at most 200 times. Previews take JSON up to 16 MB and records up to 2 MB.',
      'Nothing is ever written, but the keys you bring may have the right to: give them read-only ones.',
    ],
  },
  qriPrefix: 'qri:file:s3://',
  qriProperties: ['endpoint', 'region', 'bucketName'],
} as const satisfies Omit<SourceManifest, 'id' | 'name' | 'load'>;
