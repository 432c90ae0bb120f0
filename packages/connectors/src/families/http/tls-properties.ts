import { z } from 'zod';
import type { Trust } from '../../interface/endpoint.js';
import { ConnectorError } from '../../interface/errors.js';
import { type InlineFiles, inlineFilesSchema, property } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import type { NetworkRequest } from '../../interface/network.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import {
  type ClientCertificate,
  certificateOptions,
  mutualTlsProperty,
} from '../../kit/client-certificate.js';

// TLS of sources over HTTP, under Qlik's names.

export const tlsProperties = {
  serverCertificateValidation: property(
    z.enum(['Default', 'Custom', 'None'], { error: 'must be Default, Custom or None' }).default('Default'),
    {
      title: 'Server certificate validation',
      description:
        'Default: the authorities that the system trusts. Custom: also rootCertificates. None: no validation, if the operator allows it.',
    },
  ),
  rootCertificates: property(inlineFilesSchema.default([]), {
    title: 'Root certificates',
    certificates: true,
    description: 'Certificates to trust in addition to the system’s: PEM text, or base64 of PEM or DER.',
  }),
  enableMutualSSL: mutualTlsProperty(z.boolean().default(false)),
};

/** What the operator decides about TLS. */
export const tlsSettings = {
  unverifiedTls: z
    .enum(['allow', 'deny'])
    .describe(
      'Whether serverCertificateValidation None is accepted. With allow, anyone on the network path can read credentials and change responses. Default: deny.',
    )
    .optional(),
};

const unverifiedTlsDenied =
  'cannot be None: the operator of this server does not allow unverified TLS (sources.rest.unverifiedTls). Use Custom with rootCertificates';

/** What the operator's settings forbid. */
export function forbiddenTls(
  { serverCertificateValidation }: Values,
  { unverifiedTls }: Values,
): PropertyProblem[] {
  if (serverCertificateValidation !== 'None' || unverifiedTls === 'allow') return [];
  return [{ property: 'serverCertificateValidation', message: unverifiedTlsDenied }];
}

const pemBegin = '-----BEGIN CERTIFICATE-----';

/** Undefined for what is neither PEM nor DER. */
function pemOf(value: string): string | undefined {
  if (value.includes(pemBegin)) return value;
  const bytes = Buffer.from(value, 'base64');
  const text = bytes.toString('latin1');
  if (text.includes(pemBegin)) return text;
  // An X.509 certificate in DER is an ASN.1 SEQUENCE.
  if (bytes[0] !== 0x30) return undefined;
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [pemBegin, ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** The properties above with their defaults. */
export interface TlsProperties {
  serverCertificateValidation: 'Default' | 'Custom' | 'None';
  rootCertificates: InlineFiles;
  enableMutualSSL: boolean;
}

/** What a probe of the server trusts. Certificates that cannot be read are reported by `tlsOptions`. */
export function httpTrust(properties: TlsProperties): Trust {
  const { serverCertificateValidation: validation, rootCertificates, enableMutualSSL } = properties;
  const certificates = rootCertificates.flatMap(({ value }) => pemOf(value) ?? []);
  return {
    ...(validation === 'None' ? { verify: 'none' } : {}),
    ...(validation === 'Custom' && certificates.length > 0 ? { ca: certificates.join('\n') } : {}),
    ...(enableMutualSSL ? { clientCertificate: true } : {}),
  };
}

function authorityOf({ rootCertificates }: TlsProperties): string {
  if (rootCertificates.length === 0) {
    throw new ConnectorError(
      'invalid_config',
      'Custom server certificate validation has no root certificates.',
      { remedy: 'Provide rootCertificates, or set serverCertificateValidation to Default.' },
    );
  }
  const certificates = rootCertificates.map(({ value }) => pemOf(value));
  if (certificates.includes(undefined)) {
    throw new ConnectorError('invalid_config', 'A root certificate is neither PEM nor DER.', {
      remedy: 'Provide each certificate as PEM text, or as base64 of its PEM or DER file.',
    });
  }
  return certificates.join('\n');
}

type TlsOptions = Pick<NetworkRequest, 'ca' | 'clientCertificate' | 'unverifiedTls'>;

/**
 * TLS options of a request: the connection's root certificates as PEM, the user's client certificate.
 * @throws ConnectorError `invalid_config` for an unreadable certificate, `auth_failed` for a missing one
 */
export function tlsOptions(
  properties: TlsProperties,
  login: ClientCertificate,
  settings: Values,
): TlsOptions {
  const { serverCertificateValidation: validation } = properties;
  if (forbiddenTls({ ...properties }, settings).length > 0)
    throw new ConnectorError('invalid_config', `serverCertificateValidation ${unverifiedTlsDenied}.`);
  return {
    ...(validation === 'None' ? { unverifiedTls: true } : {}),
    ...(validation === 'Custom' ? { ca: authorityOf(properties) } : {}),
    ...(properties.enableMutualSSL ? { clientCertificate: certificateOptions(login) } : {}),
  };
}
