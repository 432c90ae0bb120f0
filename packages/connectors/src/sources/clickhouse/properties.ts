import { z } from 'zod';
import {
  certificateOrPassword,
  databaseNameSchema,
  hostProperty,
  mutualTls,
  rootCertificatesProperty,
} from '../../families/sql/properties.js';
import { property } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';

export const properties = z.strictObject({
  host: hostProperty,
  port: property(z.int().min(1).max(65_535).optional(), {
    title: 'Port',
    description: 'TCP port of the HTTP interface. Default: 8443, or 8123 without TLS.',
    decides: 'value',
  }),
  secure: property(z.boolean().default(true), {
    title: 'TLS',
    description:
      'Use HTTPS and check the certificate and the host name. Default: true. Without it, the password travels in clear text.',
    decides: 'value',
  }),
  rootCertificates: rootCertificatesProperty,
  ...mutualTls,
  database: property(databaseNameSchema.optional(), {
    title: 'Database',
    description: 'Default database for table names in queries. Browsing shows all databases.',
    decides: 'nothing',
  }),
});

export const logins = certificateOrPassword();

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;

/** Where a definition leads. */
export function addressOf({ host, port, secure, rootCertificates }: Input['properties']) {
  const ca = rootCertificates?.length ? rootCertificates.map(({ value }) => value).join('\n') : undefined;
  return { host, port: port ?? (secure ? 8443 : 8123), secure, ca };
}
