// Properties that all SQL servers on a socket share.
import { z } from 'zod';
import { type InlineFiles, line, property, secret } from '../../interface/fields.js';
import { certificateFilesSchema, type TlsMode, tlsModeSchema } from '../../kit/tls.js';

const labels = /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/i;
/** Some parsers read a name whose last label is a number as an IPv4 address (WHATWG URL, section 3.5). */
const numericLastLabel = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i;

const isHostName = (text: string) => labels.test(text) && !numericLastLabel.test(text);

/** A host name or an IP address, without brackets, port, path or user. */
const hostSchema = line(253).refine(
  (text) => isHostName(text) || z.ipv4().safeParse(text).success || z.ipv6().safeParse(text).success,
  'must be a host name or an IP address',
);

export const hostProperty = property(hostSchema, {
  title: 'Host',
  description: 'Host name or IP address of the server.',
  placeholder: 'db.example.com',
  decides: 'value',
  dials: 'host',
});

/** @param port the vendor's default port */
export const portProperty = (port: number) =>
  property(z.int().min(1).max(65_535).default(port), {
    title: 'Port',
    description: `TCP port of the server. Default: ${port}.`,
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
  rootCertificates: property(certificateFilesSchema.optional(), {
    title: 'Root certificates',
    description:
      'PEM certificates of the authorities to trust for this server. Default: the public authorities.',
    decides: 'value',
  }),
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

/** Name of a database, literally. */
export const databaseNameSchema = line(128).min(1);

/** The properties above as a connector receives them. */
export interface SqlEndpoint {
  host: string;
  port: number;
  sslmode: TlsMode;
  rootCertificates?: InlineFiles | undefined;
}
