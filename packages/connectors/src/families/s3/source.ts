import { urlEndpoint } from '../../kit/endpoint.js';
import { fileAbilities } from '../files/abilities.js';
import { s3Url } from './client-options.js';
import { keyBytesMax, type S3Input, s3Logins, s3Properties, s3Settings } from './properties.js';

// Pure data: sources are imported at start, so no driver is imported here.

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#3f7d20" stroke-width="1.6">' +
  '<ellipse cx="12" cy="5" rx="8" ry="2.6"/><path d="M4 5l2.2 14c.3 1.4 2.7 2.4 5.8 2.4s5.5-1 5.8-2.4L20 5"/>' +
  '<circle cx="12" cy="12.5" r="1.6"/></svg>';

/** A bucket, and segments of at least one byte each. */
const bucketAndKey = 1 + keyBytesMax;

/** What both S3 sources share; they differ in id, name and version. */
export const s3Source = {
  specificationVersion: 2,
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
  logins: s3Logins,
  settings: s3Settings,
  endpoints: (definition: S3Input['properties']) => {
    const { rootCertificates = [] } = definition;
    const ca = rootCertificates.map(({ value }) => value).join('\n');
    return [urlEndpoint(s3Url(definition), ca === '' ? {} : { ca })];
  },
  abilities: fileAbilities({
    browse: { levels: ['bucket', 'folder', 'file'], depth: bucketAndKey, search: false },
  }),
  evidence: {
    verifiedAgainst: [
      'AWS SDK v3 against an S3-compatible server on loopback that checks Signature Version 4 for two accounts',
    ],
    notVerified: ['Amazon S3 itself', 'temporary keys from AWS STS', 'directory buckets (S3 Express)'],
    limits: [
      'Files: .csv, .tsv, .json, .ndjson, .jsonl, each also as .gz, and .parquet; recognized by the file extension, or set with "file": {"format": …}.',
      'CSV and TSV: delimiter (comma, semicolon, tab, pipe), line endings, spaces after delimiters and trailing delimiters are detected in the first 100 lines and reported (`file` in a preview, header `Mooring-File`); an ambiguous file is refused, and `file` resolves the ambiguity. The first record is the header unless "header": false. Values are text unless columnTypes says otherwise, an empty field is the empty text, missing trailing fields and empty lines of a file with one column are null, and a record longer than the header fails.',
      'Text files are UTF-8, or UTF-16 or UTF-32 if a byte order mark or the first characters show it; bytes that are not valid in the encoding are refused. `encoding` sets another one.',
      'NDJSON in a .json file is read as NDJSON. JSON is held in memory as a whole, up to 64 MB and 10 million values. NDJSON is streamed; its first 1,000 rows (at most 4 MB) decide the columns, and additional fields of later rows are in the column _more. Numbers keep every digit.',
      'Parquet: read with range requests and decoded page by page; one whole page per requested column is opened, for a preview too, and open pages and decoded values take at most 256 MB. Values are exact, at the top level and in lists, maps and structs; maps with non-text keys are lists of {key, value}. A value that cannot be represented (a time of day beyond 24 hours, text that is not UTF-8) is refused with its column and row; VARIANT and encrypted columns are refused by name.',
      'Limits: 8 MB and a million values per record or line, 10,000 columns per file, and a gzip expansion of 200 times. Previews accept JSON up to 16 MB and records up to 2 MB.',
      'Mooring never writes, but the keys may allow it: provide read-only keys.',
    ],
  },
  target: ['endpoint', 'region', 'bucketName'],
  load: () => import('./connector.js'),
} as const;
