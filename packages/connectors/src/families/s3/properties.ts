import { fileOptionsSchema } from '@mooring/contract/file-options';
import { z } from 'zod';
import { isCharset } from '../../kit/charset.js';
import { certificateFilesSchema } from '../../kit/tls.js';
import { line, property, scalarText } from '../../spec/fields.js';
import type { SignInMethod } from '../../spec/sign-in.js';

// Pure data: manifests import this at start, so no driver is imported here.

/** The longest key that S3 has. */
export const keyBytesMax = 1024;

/** Regions of AWS, offered as suggestions; S3-compatible servers have names of their own. */
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
 * Bucket names as S3 has them, old ones of us-east-1 included. No colon, so no ARN, and no slash: the name can
 * steer a request to another place neither by host nor by path.
 */
export const bucketNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[^/?#@\\]+\/?$/i.test(text) || !URL.canParse(text)) return false;
  const { hostname, username, password, pathname, search, hash } = new URL(text);
  return hostname !== '' && `${username}${password}${search}${hash}` === '' && pathname === '/';
}

/** Connection properties of both S3 sources. The first five are Qlik's, the rest is ours. */
export const s3Properties = z.strictObject({
  accessKey: property(line(256).min(1).optional(), {
    title: 'Access key',
    description: 'Access key id of the AWS user or of the account on the S3-compatible server.',
    secret: true,
    holder: 'credential',
  }),
  secretKey: property(line(1024).min(1).optional(), {
    title: 'Secret key',
    description: 'Secret access key that belongs to the access key.',
    secret: true,
    holder: 'credential',
  }),
  region: property(
    line(64)
      .regex(/^[a-z0-9-]+$/, 'must be a region such as us-east-1')
      .meta({ examples: awsRegions })
      .default('us-east-1'),
    {
      title: 'Region',
      description: 'Region of the buckets: one of AWS, or whatever name an S3-compatible server has.',
      decides: 'nothing',
    },
  ),
  bucketName: property(
    line(255).regex(bucketNamePattern, 'must be the name of a bucket, not an ARN or a URL').optional(),
    {
      title: 'Bucket',
      description:
        'Confines the connection to this bucket; paths then begin below it. Without it, browsing begins at the list of buckets.',
      decides: 'nothing',
      placeholder: 'my-bucket',
    },
  ),
  storeSseHeader: property(scalarText(64), {
    title: 'Server-side encryption header',
    description:
      'For instance AES256. Accepted for compatibility: it concerns writing, and Mooring only reads.',
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
  file: property(
    fileOptionsSchema.refine(({ encoding }) => encoding === undefined || isCharset(encoding), {
      path: ['encoding'],
      message: 'must be an encoding such as utf-8, utf-16le or windows-1252',
    }),
    {
      title: 'Files',
      description:
        'How CSV files are read where a request does not say it, for instance {"delimiter": ";", "encoding": "windows-1252"}; format is that of files whose names say none.',
      decides: 'nothing',
    },
  ).optional(),
  pathStyle: property(z.boolean().optional(), {
    title: 'Path style',
    description:
      'Put the bucket into the path instead of the host name. Default: true with an endpoint, false for AWS.',
  }),
  sessionToken: property(line(4096).min(1).optional(), {
    title: 'Session token',
    description: 'Only with temporary keys from AWS STS.',
    secret: true,
    holder: 'credential',
  }),
  rootCertificates: property(certificateFilesSchema.optional(), {
    title: 'Root certificates',
    description: "PEM certificates to trust beside the system's, for an endpoint with a private authority.",
  }),
});

export const s3SignIns: readonly SignInMethod[] = [
  {
    id: 'access-key',
    label: 'Access key',
    fields: ['accessKey', 'secretKey', 'sessionToken'],
    required: ['accessKey', 'secretKey'],
  },
];
