import { z } from 'zod';
import { line, property, scalarText, secret } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';
import { certificateFilesSchema } from '../../kit/tls.js';
import { fileOptionsProperty } from '../files/properties.js';

// Pure data: manifests are imported at start, so no driver is imported here.

/** Maximum length of an S3 key. */
export const keyBytesMax = 1024;

/** AWS regions, offered as suggestions; S3-compatible servers have their own names. */
const awsRegions = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'af-south-1',
  'ap-east-1',
  'ap-south-1',
  'ap-south-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ca-central-1',
  'ca-west-1',
  'cn-north-1',
  'cn-northwest-1',
  'eu-central-1',
  'eu-central-2',
  'eu-north-1',
  'eu-south-1',
  'eu-south-2',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'sa-east-1',
  'us-gov-east-1',
  'us-gov-west-1',
];

/**
 * S3 bucket names, including the old ones of us-east-1. No colon, so no ARN, and no slash: a name can redirect a
 * request to another place neither by host nor by path.
 */
export const bucketNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[^/?#@\\]+\/?$/i.test(text) || !URL.canParse(text)) return false;
  const { hostname, username, password, pathname, search, hash } = new URL(text);
  return hostname !== '' && `${username}${password}${search}${hash}` === '' && pathname === '/';
}

/** Properties of both S3 sources. The first three are Qlik's, the others are ours. */
export const s3Properties = z.strictObject({
  region: property(
    line(64)
      .regex(/^[a-z0-9-]+$/, 'must be a region such as us-east-1')
      .meta({ examples: awsRegions })
      .default('us-east-1'),
    {
      title: 'Region',
      description: 'Region of the buckets: an AWS region, or the name that an S3-compatible server uses.',
      decides: 'nothing',
    },
  ),
  bucketName: property(
    line(255).regex(bucketNamePattern, 'must be the name of a bucket, not an ARN or a URL').optional(),
    {
      title: 'Bucket',
      description:
        'Restricts the connection to this bucket; paths are then relative to it. Without it, browsing starts at the list of buckets.',
      decides: 'nothing',
      placeholder: 'my-bucket',
    },
  ),
  storeSseHeader: property(scalarText(64), {
    title: 'Server-side encryption header',
    description:
      'For instance AES256. Accepted for compatibility: it affects only writes, and Mooring only reads.',
    decides: 'nothing',
  }).optional(),
  endpoint: property(
    line(1024).refine(isOrigin, 'must be an http or https URL with host and port only').optional(),
    {
      title: 'Endpoint',
      description: 'URL of an S3-compatible server. Leave it out for AWS.',
      decides: 'address',
      dials: 'url',
      placeholder: 'https://s3.example.com:9000',
    },
  ),
  file: fileOptionsProperty,
  pathStyle: property(z.boolean().optional(), {
    title: 'Path style',
    description:
      'Put the bucket in the path instead of the host name. Default: true with an endpoint, false for AWS.',
  }),
  rootCertificates: property(certificateFilesSchema.optional(), {
    title: 'Root certificates',
    description:
      "PEM certificates to trust in addition to the system's, for an endpoint with a private certificate authority.",
  }),
});

const keys = {
  accessKey: secret(line(256).min(1), {
    title: 'Access key',
    description: 'Access key id of the AWS user or of the account on the S3-compatible server.',
  }),
  secretKey: secret(line(1024).min(1), {
    title: 'Secret key',
    description: 'Secret access key that belongs to the access key.',
  }),
  sessionToken: secret(line(4096).min(1), {
    title: 'Session token',
    description: 'Only with temporary keys from AWS STS.',
  }).optional(),
};

export const s3Logins = {
  'access-key': { label: 'Access key', fields: keys, required: ['accessKey', 'secretKey'] },
} as const;

export const s3Settings = z.strictObject({});

export type S3Input = InputOf<typeof s3Properties, typeof s3Logins, typeof s3Settings>;
