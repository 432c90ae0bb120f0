import type { ConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { type InlineFiles, inlineFilesSchema } from '../interface/fields.js';

const pemCertificates = /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/;

/** Certificates to trust, each file with one or more PEM certificates. Anything else (a path, a key) is refused. */
export const certificateFilesSchema = inlineFilesSchema.refine(
  (files) => files.every(({ value }) => pemCertificates.test(value)),
  'must be PEM certificates (-----BEGIN CERTIFICATE-----), given as text',
);

/**
 * Required level of TLS, in libpq's terms.
 * Source: PostgreSQL documentation, "SSL Mode Descriptions" (`prefer` and `allow` are omitted: a man in the middle can
 * downgrade them to clear text).
 */
export const tlsModeSchema = z.enum(['disable', 'require', 'verify-ca', 'verify-full']);

export type TlsMode = z.infer<typeof tlsModeSchema>;

/** Node's TLS options for a mode and the certificates of a connection. */
export interface TlsDemands extends Pick<ConnectionOptions, 'rejectUnauthorized' | 'minVersion'> {
  /** PEM texts that replace the built-in authorities; absent: the built-in ones. */
  ca?: string[];
  /** Whether the certificate must match the dialled host. */
  verifyIdentity: boolean;
}

/** Undefined for `disable`: clear text. Otherwise TLS 1.2 or later. */
export function tlsDemands(mode: TlsMode, certificates: InlineFiles | undefined): TlsDemands | undefined {
  if (mode === 'disable') return undefined;
  return {
    rejectUnauthorized: mode !== 'require',
    verifyIdentity: mode === 'verify-full',
    minVersion: 'TLSv1.2',
    ...(certificates?.length ? { ca: certificates.map(({ value }) => value) } : {}),
  };
}

/** Options of Node's `tls.connect` for a socket that is there already. */
export function tlsOptions({ verifyIdentity, ...options }: TlsDemands): ConnectionOptions {
  return verifyIdentity ? options : { ...options, checkServerIdentity: () => undefined };
}
