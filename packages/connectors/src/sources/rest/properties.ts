import { z } from 'zod';
import { targetOf } from '../../families/http/exchange.js';
import { headerNameSchema, headerValueSchema, sealedHeaderNameSchema } from '../../families/http/headers.js';
import { headerSchema } from '../../families/http/request-headers.js';
import { inlineFilesSchema, line, property } from '../../interface/fields.js';
import { isCharset } from '../../kit/charset.js';
import { signingKeySchema } from '../../kit/private-key.js';
import { providers } from '../../providers/registry.js';
import { fieldPath, pagination } from './pagination-properties.js';

export const unverifiedTlsDenied =
  'cannot be None: the operator of this server does not allow unverified TLS (sources.rest.unverifiedTls). Use Custom with rootCertificates';

const certificateValidationHint = 'must be Default, Custom or None';

function isHttpUrl(value: string): boolean {
  // The URL parser accepts backslashes, spaces, an empty user and any number of slashes; but what users read must be
  // what is dialled.
  if (/[\s\\]/.test(value) || !/^https?:\/\/[^/?#@]+(?:[/?#]|$)/i.test(value) || !URL.canParse(value))
    return false;
  const url = new URL(value);
  return (
    /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !value.includes('@/')
  );
}

const httpUrl = () =>
  line(2048).refine(isHttpUrl, 'must be an http or https URL without user name and password');

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

const pairs = { name: line(256).min(1), value: line(4096) };
const endpoint = (title: string, description: string) =>
  property(httpUrl(), { title, description, dials: 'url' }).optional();
const secretText = (title: string, description: string) =>
  property(line(16_384), { title, description, secret: true, holder: 'credential' }).optional();

const request = {
  url: property(httpUrl(), {
    title: 'URL',
    description: 'URL of the resource, http or https. Credentials are bound to all of it except the query.',
    decides: 'address',
    dials: 'url',
    placeholder: 'https://api.example.com/v1/items',
  }),
  // Method, body and headers count towards the destination: with another user's login they could do more than read.
  method: property(z.enum(['GET', 'POST']).default('GET'), {
    title: 'Method',
    description:
      'GET, or POST for services that take the query in a body. Must not change data at the service.',
  }),
  body: property(z.string().max(65_536).refine(isJson, 'must be JSON'), {
    title: 'Body',
    description: 'JSON text that is sent with POST; GET has no body.',
  }).optional(),
  timeout: property(z.int().min(1).max(600).default(30), {
    title: 'Timeout',
    description: 'Timeout of one request in seconds, including the response.',
    decides: 'nothing',
  }),
  queryParameters: property(z.array(z.strictObject(pairs)).max(64).default([]), {
    title: 'Query parameters',
    description:
      'Appended to the URL of the first request. Visible to everyone who sees the connection, so not for secrets: see apiKeyParameter.',
    sentInQuery: true,
    decides: 'nothing',
  }),
  queryHeaders: property(z.array(headerSchema).max(64).default([]), {
    title: 'Request headers',
    description:
      'Sent with every request. With encrypt: true the value is a secret of the credential, and Authorization is allowed; other values are visible. Transport and proxy headers are refused.',
  }),
  encryptedHeaders: property(
    z
      .array(z.strictObject({ name: sealedHeaderNameSchema, value: headerValueSchema }))
      .min(1)
      .max(64),
    {
      title: 'Encrypted headers',
      description: 'Values of the request headers with encrypt: true, which are moved here.',
      secret: true,
      holder: 'credential',
      entriesByName: true,
    },
  ).optional(),
  dataPath: fieldPath(
    'Data path',
    'Path of the rows; if it does not exist, there are no rows. Default: the list in the response. $: the whole response.',
  ).optional(),
  encoding: property(
    line(40).refine(isCharset, 'must be an encoding such as utf-8, utf-16le or windows-1252'),
    {
      title: 'Encoding',
      description:
        'Encoding of responses that declare none or a wrong one. Default: the declared encoding, else UTF-8.',
      decides: 'nothing',
    },
  ).optional(),
};

const security = {
  serverCertificateValidation: property(
    z.enum(['Default', 'Custom', 'None'], { error: certificateValidationHint }).default('Default'),
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
  enableMutualSSL: property(z.boolean().default(false), {
    title: 'Client certificate',
    description: 'Authenticate with the client certificate of the credential (mutual TLS).',
  }),
  mutualPfxCertificateFiles: property(inlineFilesSchema.min(1), {
    title: 'Client certificate file',
    description: 'PKCS#12 file with certificate and key, as base64.',
    secret: true,
    holder: 'credential',
  }).optional(),
  mutualPfxCertificateKey: secretText('Client certificate password', 'Password of the PKCS#12 file.'),
};

const signIn = {
  authSchema: property(
    z
      .enum([
        'anonymous',
        'basic',
        'bearer',
        'apiKey',
        'oauth2',
        'oauth2Device',
        'oauth2ClientCredentials',
        'oauth2JwtBearer',
      ])
      .default('anonymous'),
    { title: 'Sign-in', description: 'How users sign in to the service.' },
  ),
  username: property(line(512), {
    title: 'User name',
    description: 'For basic sign-in.',
    holder: 'credential',
  }).optional(),
  password: secretText('Password', 'For basic sign-in.'),
  bearerToken: secretText('Token', 'Sent as a bearer token.'),
  apiKeyHeader: property(headerNameSchema, {
    title: 'API key header',
    description: 'Header that carries the API key, for instance X-API-Key.',
  }).optional(),
  apiKeyParameter: property(line(256).min(1), {
    title: 'API key parameter',
    description: 'Query parameter that carries the API key, for services that do not accept it in a header.',
  }).optional(),
  apiKey: secretText('API key', 'Sent in the API key header, or in the API key parameter.'),
  oauthProvider: property(z.enum(providers.map(({ id }) => id) as [string, ...string[]]), {
    title: 'OAuth provider',
    description: 'A known provider, instead of the URLs below: docs/reference/oauth-providers.md.',
  }).optional(),
  oauthProviderPlace: property(line(512), {
    title: 'Place at the provider',
    description: 'Tenant, domain or account at the OAuth provider, for providers that have one.',
  }).optional(),
  authorizationUrl: endpoint('Authorization URL', 'OAuth authorization endpoint of the provider.'),
  tokenUrl: endpoint('Token URL', 'OAuth token endpoint of the provider.'),
  revocationUrl: endpoint('Revocation URL', 'OAuth revocation endpoint of the provider (RFC 7009).'),
  issuer: property(httpUrl(), {
    title: 'Issuer',
    description:
      'Issuer identifier; the redirect’s iss parameter must equal it (RFC 9207). Without a token URL, the endpoints come from its metadata.',
    dials: 'url',
  }).optional(),
  scope: property(line(2048).default(''), { title: 'Scope', description: 'Scopes, separated by spaces.' }),
  clientId: property(line(512), {
    title: 'Client id',
    description:
      'From your OAuth registration at the provider. Optional with oauthProvider if the operator has set up a client for this URL.',
  }).optional(),
  clientSecret: property(line(4096), {
    title: 'Client secret',
    description: 'From your OAuth registration; sealed with the connection.',
    secret: true,
    holder: 'connection',
  }).optional(),
  clientAuthentication: property(
    z.enum(['client_secret_post', 'client_secret_basic', 'private_key_jwt', 'none']),
    {
      title: 'Client authentication',
      description:
        'How the client authenticates at the token endpoint. Default: the method of oauthProvider, else client_secret_basic.',
    },
  ).optional(),
  deviceAuthorizationUrl: endpoint(
    'Device authorization URL',
    'Device authorization endpoint, for a sign-in on another device (RFC 8628).',
  ),
  pushedAuthorizationUrl: endpoint(
    'Pushed authorization URL',
    'Pushed authorization request endpoint (RFC 9126).',
  ),
  clientPrivateKey: property(signingKeySchema, {
    title: 'Client private key',
    description:
      'PEM without a password, for client authentication by private_key_jwt; sealed with the connection.',
    secret: true,
    holder: 'connection',
  }).optional(),
  clientKeyId: property(line(512), {
    title: 'Client key id',
    description: 'Key id (kid) of the client’s key at the provider.',
    decides: 'nothing',
  }).optional(),
  refreshToken: secretText(
    'Refresh token',
    'Issued elsewhere to the same client, instead of a sign-in. It is used once before it is stored.',
  ),
  assertionIssuer: property(line(512), {
    title: 'Service account',
    description: 'Issuer of the assertion: the service account (RFC 7523).',
    holder: 'credential',
  }).optional(),
  assertionSubject: property(line(512), {
    title: 'Acting for',
    description: 'Subject of the assertion. Default: the service account itself.',
    holder: 'credential',
  }).optional(),
  assertionPrivateKey: property(signingKeySchema, {
    title: 'Private key',
    description: 'Private key of the service account, as PEM without a password.',
    secret: true,
    holder: 'credential',
  }).optional(),
  assertionKeyId: property(line(512), {
    title: 'Key id',
    description: 'Key id (kid) of that key.',
    holder: 'credential',
  }).optional(),
  assertionAudience: property(line(2048), {
    title: 'Assertion audience',
    description: 'Audience of the assertion. Default: the token URL.',
  }).optional(),
  resource: property(httpUrl(), {
    title: 'Resource',
    description: 'resource parameter (RFC 8707), for providers that require one.',
  }).optional(),
  audience: property(line(2048), {
    title: 'Audience',
    description: 'audience parameter, for providers that require one.',
  }).optional(),
};

/** All properties of a REST connection, strict. */
export const propertiesSchema = z.strictObject({ ...request, ...security, ...signIn, ...pagination });

/** Definition of a REST connection with defaults applied; credentials are included only while a form is parsed. */
export type RestProperties = z.infer<typeof propertiesSchema>;

export const targets = ({ url }: Readonly<Record<string, unknown>>) => [targetOf(new URL(String(url)))];
