import type { FileOptions } from '@mooring/contract/file-options';
import type { S3Input } from './properties.js';

/** All options of the AWS client of a connection. */
export interface S3Options {
  region: string;
  /** Origin of an S3-compatible server; AWS when absent. */
  endpoint?: string;
  pathStyle: boolean;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** The connection is restricted to this bucket. */
  bucket?: string;
  /** PEM certificates to trust in addition to the system's. */
  ca?: string;
  /** Defaults for reading files. */
  file: FileOptions;
}

/** Pure. */
export function s3Options({ properties, login }: Pick<S3Input, 'properties' | 'login'>): S3Options {
  const { endpoint, bucketName, region, rootCertificates = [], file = {}, pathStyle } = properties;
  const { accessKey, secretKey, sessionToken } = login.fields;
  return {
    region,
    file,
    pathStyle: pathStyle ?? endpoint !== undefined,
    credentials: {
      accessKeyId: accessKey.reveal(),
      secretAccessKey: secretKey.reveal(),
      ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
    },
    ...(endpoint === undefined ? {} : { endpoint: new URL(endpoint).origin }),
    ...(bucketName === undefined ? {} : { bucket: bucketName }),
    ...(rootCertificates.length === 0 ? {} : { ca: rootCertificates.map(({ value }) => value).join('\n') }),
  };
}

function awsDomain(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn';
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com';
}

/** The endpoint, or AWS's regional one. With virtual-hosted buckets, the bucket is prepended to its host. */
export const s3Url = ({ endpoint, region }: { endpoint?: string | undefined; region: string }): URL =>
  new URL(endpoint ?? `https://s3.${region}.${awsDomain(region)}`);
