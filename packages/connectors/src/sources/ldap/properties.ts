import { z } from 'zod';
import { rootCertificatesProperty } from '../../families/sql/properties.js';
import { line, property, secret } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';
import { hostProperty, portProperty } from '../../kit/host.js';

export const properties = z.strictObject({
  host: hostProperty,
  port: portProperty(636),
  security: property(z.enum(['ldaps', 'starttls', 'none']).default('ldaps'), {
    title: 'Security',
    description:
      'ldaps (default): TLS from the first byte, usually on port 636. starttls: TLS is demanded before the sign-in, usually on port 389. none: clear text, for trusted networks only. The certificate is always verified.',
    decides: 'value',
  }),
  rootCertificates: rootCertificatesProperty,
  baseDn: property(line(1024).regex(/=/, 'must be a distinguished name, such as dc=example,dc=com'), {
    title: 'Base DN',
    description: 'Entry below which everything is found, for instance dc=example,dc=com.',
    decides: 'nothing',
  }),
  subtree: property(z.boolean().optional(), {
    title: 'Whole subtree',
    description: 'A read returns all entries below its path. Default: its children.',
    decides: 'nothing',
  }),
});

export const logins = {
  simple: {
    label: 'DN and password',
    fields: {
      // The driver would take the name of a SASL mechanism for one, and a server an empty name for an anonymous user.
      username: property(line(1024).regex(/[=@\\]/, 'must be a DN, or user@domain for Active Directory'), {
        title: 'Bind DN',
        description: 'Distinguished name of the user; Active Directory also takes user@domain.',
        holder: 'credential',
        decides: 'nothing',
      }),
      // With an empty one a server answers success, though nothing was proven (RFC 4513 section 5.1.2).
      password: secret(line(1024).min(1), { title: 'Password', description: 'Password of the user.' }),
    },
    required: ['username', 'password'],
  },
} as const;

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
