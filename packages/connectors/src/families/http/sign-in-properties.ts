import { z } from 'zod';
import { line, property, secret } from '../../interface/fields.js';
import { signingKeySchema } from '../../kit/private-key.js';
import { providers } from '../../providers/registry.js';
import { headerNameSchema, headerValueSchema, sealedHeaderNameSchema } from './headers.js';
import { httpUrl } from './urls.js';

// What users fill in to sign in to a service over HTTP, in any way that `logins.ts` knows.

const endpoint = (title: string, description: string) =>
  property(httpUrl(), { title, description, dials: 'url' }).optional();
const secretText = (title: string, description: string) =>
  secret(line(16_384), { title, description }).optional();
const ofCredential = (lengthMax: number, title: string, description: string) =>
  property(line(lengthMax), { title, description, holder: 'credential' }).optional();

/** Of the definition: which way, and where it leads. */
export const signInProperties = {
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
  apiKeyHeader: property(headerNameSchema, {
    title: 'API key header',
    description: 'Header that carries the API key, for instance X-API-Key.',
  }).optional(),
  apiKeyParameter: property(line(256).min(1), {
    title: 'API key parameter',
    description: 'Query parameter that carries the API key, for services that do not accept it in a header.',
  }).optional(),
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
  clientKeyId: property(line(512), {
    title: 'Client key id',
    description: 'Key id (kid) of the client’s key at the provider.',
    decides: 'nothing',
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

/** Of the OAuth client of a connection. */
export const clientSecrets = {
  clientSecret: property(line(4096), {
    title: 'Client secret',
    description: 'From your OAuth registration; sealed with the connection.',
    secret: true,
  }).optional(),
  clientPrivateKey: property(signingKeySchema, {
    title: 'Client private key',
    description:
      'PEM without a password, for client authentication by private_key_jwt; sealed with the connection.',
    secret: true,
  }).optional(),
};

/** Of the credential. */
export const signInFields = {
  encryptedHeaders: secret(
    z
      .array(z.strictObject({ name: sealedHeaderNameSchema, value: headerValueSchema }))
      .min(1)
      .max(64),
    {
      title: 'Encrypted headers',
      description: 'Values of the request headers with encrypt: true, which are moved here.',
      entriesByName: true,
    },
  ).optional(),
  username: ofCredential(512, 'User name', 'For basic sign-in.'),
  password: secretText('Password', 'For basic sign-in.'),
  bearerToken: secretText('Token', 'Sent as a bearer token.'),
  apiKey: secretText('API key', 'Sent in the API key header, or in the API key parameter.'),
  refreshToken: secretText(
    'Refresh token',
    'Issued elsewhere to the same client, instead of a sign-in. It is used once before it is stored.',
  ),
  assertionIssuer: ofCredential(
    512,
    'Service account',
    'Issuer of the assertion: the service account (RFC 7523).',
  ),
  assertionSubject: ofCredential(
    512,
    'Acting for',
    'Subject of the assertion. Default: the service account itself.',
  ),
  assertionPrivateKey: secret(signingKeySchema, {
    title: 'Private key',
    description: 'Private key of the service account, as PEM without a password.',
  }).optional(),
  assertionKeyId: ofCredential(512, 'Key id', 'Key id (kid) of that key.'),
};
