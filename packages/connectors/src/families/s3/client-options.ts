import type { FileOptions } from '@mooring/contract/file-options';
import type { ConnectorInput, Target } from '../../interface/connector.js';
import type { InlineFiles } from '../../interface/fields.js';
import { revealText } from '../../kit/secret-fields.js';
import { targetOf } from '../http/exchange.js';

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

type Properties = Readonly<Record<string, unknown>>;

const text = (fields: Properties, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** Stored properties and opened keys → options. Pure. */
export function s3Options({ properties, login }: ConnectorInput): S3Options {
  const endpoint = text(properties, 'endpoint');
  const bucket = text(properties, 'bucketName');
  const sessionToken = revealText(login.fields, 'sessionToken');
  const certificates = (properties['rootCertificates'] ?? []) as InlineFiles;
  return {
    region: text(properties, 'region') ?? 'us-east-1',
    file: (properties['file'] ?? {}) as FileOptions,
    pathStyle: (properties['pathStyle'] as boolean | undefined) ?? endpoint !== undefined,
    credentials: {
      accessKeyId: revealText(login.fields, 'accessKey') ?? '',
      secretAccessKey: revealText(login.fields, 'secretKey') ?? '',
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    ...(endpoint === undefined ? {} : { endpoint: new URL(endpoint).origin }),
    ...(bucket === undefined ? {} : { bucket }),
    ...(certificates.length === 0 ? {} : { ca: certificates.map(({ value }) => value).join('\n') }),
  };
}

function awsDomain(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn';
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com';
}

/** The endpoint, or AWS's regional one. With virtual-hosted buckets, the bucket is prepended to its host. */
export function s3Target({ endpoint, region }: Pick<S3Options, 'endpoint' | 'region'>): Target {
  return targetOf(new URL(endpoint ?? `https://s3.${region}.${awsDomain(region)}`));
}
