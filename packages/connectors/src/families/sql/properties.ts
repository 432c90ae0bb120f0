// Properties that all SQL servers on a socket share.
import { z } from 'zod';
import { type InlineFiles, line, property, secret } from '../../interface/fields.js';

import type { Values } from '../../interface/login.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import {
  certificateConflicts,
  clientCertificateFields,
  mutualTlsProperty,
} from '../../kit/client-certificate.js';

export { hostProperty, portProperty } from '../../kit/host.js';

import { certificateFilesSchema, type TlsMode, tlsModeSchema } from '../../kit/tls.js';

export const rootCertificatesProperty = property(certificateFilesSchema.optional(), {
  title: 'Root certificates',
  description:
    'PEM certificates of the authorities to trust for this server. Default: the public authorities.',
  decides: 'value',
});

export const tlsProperties = {
  sslmode: property(tlsModeSchema.default('verify-full'), {
    title: 'TLS',
    description:
      'verify-full (default): encrypted, certificate and host name checked. verify-ca: the host name is not checked. ' +
      'require: encrypted, but anyone can impersonate the server. disable: clear text, for trusted networks only.',
    decides: 'value',
  }),
  rootCertificates: rootCertificatesProperty,
};

/** User name and password. The schemas are shared by the methods that ask for them. */
export const loginFields = {
  username: property(line(256).min(1), {
    title: 'User name',
    description: 'User name on the server.',
    holder: 'credential',
    decides: 'nothing',
  }),
  password: secret(line(1024).min(1), {
    title: 'Password',
    description: 'Password of the user.',
    decides: 'nothing',
  }),
};

export const passwordLogin = {
  label: 'User name and password',
  fields: loginFields,
  required: ['username', 'password'],
} as const;

/** Without a default, which would be part of the destinations of connections from before. */
export const mutualTls = { enableMutualSSL: mutualTlsProperty(z.boolean().optional()) };

/** Sign-in by a client certificate, with a password where the server asks for both. @param onlyPem see there */
const certificateLogin = (onlyPem: boolean) =>
  ({
    label: 'Client certificate',
    when: { enableMutualSSL: 'true' },
    fields: {
      username: loginFields.username,
      password: loginFields.password.optional(),
      ...clientCertificateFields,
    },
    required: ['username', 'mutualPfxCertificateFiles'],
    conflicts: (login: Values) => certificateConflicts(login, { onlyPem }),
  }) as const;

/** Both ways of signing in; the definition selects one. */
export const certificateOrPassword = ({ onlyPem = false } = {}) => ({
  certificate: certificateLogin(onlyPem),
  password: passwordLogin,
});

/** A certificate proves nothing in clear text. @param clear what the definition says without TLS */
export const certificateNeedsTls = (
  definition: Values,
  [name, clear]: readonly [string, unknown],
): PropertyProblem[] =>
  definition['enableMutualSSL'] === true && definition[name] === clear
    ? [{ property: 'enableMutualSSL', message: `needs TLS: ${name} must not be ${String(clear)}` }]
    : [];

/** Name of a database, literally. */
export const databaseNameSchema = line(128).min(1);

/** The properties above as a connector receives them. */
export interface SqlEndpoint {
  host: string;
  port: number;
  sslmode: TlsMode;
  rootCertificates?: InlineFiles | undefined;
  enableMutualSSL?: boolean | undefined;
}
