import { isBearerToken, isHeaderValue } from '../../families/http/headers.js';
import { withAppended } from '../../families/http/query.js';
import { encryptedHeaderNames, type SealedHeaders } from '../../families/http/request-headers.js';
import type { ConnectorInput } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import type { NetworkRequest } from '../../interface/network.js';
import { Secret } from '../../interface/secret.js';
import { revealFile, revealText } from '../../kit/secret-fields.js';
import { type RestProperties, unverifiedTlsDenied } from './properties.js';

function credentialText(input: ConnectorInput, name: string): string {
  const { fields } = input.login;
  const value = name === 'username' ? fields[name] : revealText(fields, name);
  if (typeof value !== 'string' || value === '') {
    throw new ConnectorError('auth_failed', `The credential has no ${name}.`, {
      remedy: `Provide a credential with ${name}.`,
    });
  }
  return value;
}

function authorizationHeader(
  properties: RestProperties,
  input: ConnectorInput,
  accessToken: Secret<string> | undefined,
): [string, string] | undefined {
  switch (properties.authSchema) {
    case 'anonymous':
      return undefined;
    case 'basic': {
      const username = credentialText(input, 'username');
      // RFC 7617 section 2: the first colon ends the user-id, so a user name with a colon would be a different login.
      if (username.includes(':')) {
        throw new ConnectorError('invalid_config', 'A user name for basic sign-in must not contain a colon.');
      }
      const pair = Buffer.from(`${username}:${credentialText(input, 'password')}`, 'utf8');
      return ['authorization', `Basic ${pair.toString('base64')}`];
    }
    case 'apiKey': {
      if (properties.apiKeyParameter !== undefined) return undefined;
      const key = credentialText(input, 'apiKey');
      if (!isHeaderValue(key)) {
        throw new ConnectorError('invalid_config', 'The API key has characters that a header cannot carry.');
      }
      return [String(properties.apiKeyHeader).toLowerCase(), key];
    }
    case 'bearer':
    case 'oauth2':
    case 'oauth2Device':
    case 'oauth2JwtBearer':
    case 'oauth2ClientCredentials': {
      const token =
        properties.authSchema === 'bearer'
          ? credentialText(input, 'bearerToken')
          : (accessToken?.reveal() ?? '');
      if (!isBearerToken(token)) {
        throw new ConnectorError(
          'invalid_config',
          'The token has characters that a bearer header cannot carry.',
        );
      }
      return ['authorization', `Bearer ${token}`];
    }
  }
}

/** Values of the headers that the definition only names. */
function sealedHeaders(properties: RestProperties, { login }: ConnectorInput): [string, string][] {
  const held = login.fields['encryptedHeaders'];
  const values = held instanceof Secret ? (held as Secret<SealedHeaders>).reveal() : [];
  return encryptedHeaderNames(properties).map((name) => {
    const value = values.find((header) => header.name.toLowerCase() === name)?.value;
    if (value !== undefined) return [name, value];
    throw new ConnectorError('auth_failed', `The credential has no value for the header ${name}.`, {
      remedy: 'Provide a credential whose encryptedHeaders has a value for each encrypted header.',
    });
  });
}

/**
 * All headers of a request, lower-cased. They start from an empty set; the sign-in comes last, so that no property can
 * replace it.
 * @throws ConnectorError `auth_failed` when a credential field is missing, `invalid_config` when it cannot be sent
 */
export function requestHeaders(
  properties: RestProperties,
  input: ConnectorInput,
  accessToken?: Secret<string>,
): Record<string, string> {
  const headers = new Map([
    ['accept', 'application/json'],
    ['accept-encoding', 'gzip'],
    ['user-agent', 'Mooring'],
  ]);
  if (properties.method === 'POST') headers.set('content-type', 'application/json');
  for (const { name, value, encrypt } of properties.queryHeaders)
    if (encrypt !== true) headers.set(name.toLowerCase(), value);
  for (const header of sealedHeaders(properties, input)) headers.set(...header);
  const authorization = authorizationHeader(properties, input, accessToken);
  if (authorization) headers.set(...authorization);
  return Object.fromEntries(headers);
}

/** The query parameter of the sign-in, which no page URL can replace. */
export function keyParameter(
  properties: RestProperties,
  input: ConnectorInput,
): [string, string] | undefined {
  return properties.authSchema === 'apiKey' && properties.apiKeyParameter !== undefined
    ? [properties.apiKeyParameter, credentialText(input, 'apiKey')]
    : undefined;
}

/** The URL of the first request: the connection's URL with its query parameters appended, without a fragment. */
export function requestUrl(properties: RestProperties): URL {
  const url = new URL(properties.url);
  url.hash = '';
  return withAppended(
    url,
    properties.queryParameters.map(({ name, value }) => [name, value] as const),
  );
}

const pemBegin = '-----BEGIN CERTIFICATE-----';

function pemOf(value: string): string {
  if (value.includes(pemBegin)) return value;
  const bytes = Buffer.from(value, 'base64');
  const text = bytes.toString('latin1');
  if (text.includes(pemBegin)) return text;
  // An X.509 certificate in DER is an ASN.1 SEQUENCE.
  if (bytes[0] !== 0x30) {
    throw new ConnectorError('invalid_config', 'A root certificate is neither PEM nor DER.', {
      remedy: 'Provide each certificate as PEM text, or as base64 of its PEM or DER file.',
    });
  }
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [pemBegin, ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

type TlsOptions = Pick<NetworkRequest, 'ca' | 'clientCertificate' | 'unverifiedTls'>;

/**
 * TLS options of a request: the connection's root certificates as PEM, the user's client certificate as PKCS#12.
 * @throws ConnectorError `invalid_config` for an unreadable certificate, `auth_failed` for a missing one
 */
export function tlsOptions(
  properties: RestProperties,
  input: ConnectorInput,
  settings: Readonly<Record<string, string>>,
): TlsOptions {
  const options: TlsOptions = {};
  if (properties.serverCertificateValidation === 'None') {
    if (settings['unverifiedTls'] !== 'allow')
      throw new ConnectorError('invalid_config', `serverCertificateValidation ${unverifiedTlsDenied}.`);
    options.unverifiedTls = true;
  }
  if (properties.serverCertificateValidation === 'Custom') {
    if (properties.rootCertificates.length === 0) {
      throw new ConnectorError(
        'invalid_config',
        'Custom server certificate validation has no root certificates.',
        {
          remedy: 'Provide rootCertificates, or set serverCertificateValidation to Default.',
        },
      );
    }
    options.ca = properties.rootCertificates.map((file) => pemOf(file.value)).join('\n');
  }
  if (properties.enableMutualSSL) {
    const { fields } = input.login;
    const pfx = Buffer.from(revealFile(fields, 'mutualPfxCertificateFiles')?.value ?? '', 'base64');
    if (pfx.length === 0) {
      throw new ConnectorError('auth_failed', 'The credential has no client certificate.', {
        remedy: 'Provide a credential with mutualPfxCertificateFiles, the PKCS#12 file as base64.',
      });
    }
    const passphrase = revealText(fields, 'mutualPfxCertificateKey');
    options.clientCertificate = passphrase === undefined ? { pfx } : { pfx, passphrase };
  }
  return options;
}
