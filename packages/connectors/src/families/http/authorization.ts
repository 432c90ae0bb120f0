import { ConnectorError } from '../../interface/errors.js';
import type { TokenSource } from '../../interface/login.js';
import type { Secret } from '../../interface/secret.js';
import type { ClientCertificate } from '../../kit/client-certificate.js';
import { isBearerToken, isHeaderValue } from './headers.js';
import { encryptedHeaderNames, type SealedHeaders } from './request-headers.js';

/** A login of `logins.ts` as connectors receive it. */
export interface HttpLogin {
  method: string;
  fields: ClientCertificate & {
    username?: string | undefined;
    password?: Secret<string> | undefined;
    bearerToken?: Secret<string> | undefined;
    apiKey?: Secret<string> | undefined;
    encryptedHeaders?: Secret<SealedHeaders> | undefined;
  };
  token?: TokenSource | undefined;
}

/** The properties of a connection that say how a login is sent. */
export interface LoginPlaces {
  apiKeyHeader?: string | undefined;
  apiKeyParameter?: string | undefined;
  queryHeaders: readonly { name: string; value: string; encrypt?: boolean | undefined }[];
}

type TextField = 'username' | 'password' | 'bearerToken' | 'apiKey';

function textOf({ fields }: HttpLogin, name: TextField): string {
  const held = fields[name];
  const value = typeof held === 'string' ? held : (held?.reveal() ?? '');
  if (value !== '') return value;
  throw new ConnectorError('auth_failed', `The credential has no ${name}.`, {
    remedy: `Provide a credential with ${name}.`,
  });
}

/** @throws ConnectorError `invalid_config` for a token that a header cannot carry (RFC 6750 section 2.1) */
export function bearer(token: string): string {
  if (isBearerToken(token)) return `Bearer ${token}`;
  throw new ConnectorError('invalid_config', 'The token has characters that a bearer header cannot carry.');
}

function basic(login: HttpLogin): string {
  const username = textOf(login, 'username');
  // RFC 7617 section 2: the first colon ends the user-id, so a user name with a colon would be a different login.
  if (username.includes(':')) {
    throw new ConnectorError('invalid_config', 'A user name for basic sign-in must not contain a colon.');
  }
  return `Basic ${Buffer.from(`${username}:${textOf(login, 'password')}`, 'utf8').toString('base64')}`;
}

function signInHeader(
  { apiKeyHeader, apiKeyParameter }: LoginPlaces,
  login: HttpLogin,
  token: Secret<string> | undefined,
): [string, string] | undefined {
  if (login.token) return ['authorization', bearer(token?.reveal() ?? '')];
  switch (login.method) {
    case 'basic':
      return ['authorization', basic(login)];
    case 'bearer':
      return ['authorization', bearer(textOf(login, 'bearerToken'))];
    case 'api-key': {
      if (apiKeyParameter !== undefined) return undefined;
      const key = textOf(login, 'apiKey');
      if (isHeaderValue(key)) return [String(apiKeyHeader).toLowerCase(), key];
      throw new ConnectorError('invalid_config', 'The API key has characters that a header cannot carry.');
    }
    default:
      return undefined;
  }
}

/** Values of the headers that the definition only names. */
function sealedHeaders(places: LoginPlaces, { fields }: HttpLogin): [string, string][] {
  const values = fields.encryptedHeaders?.reveal() ?? [];
  return encryptedHeaderNames({ ...places }).map((name) => {
    const value = values.find((header) => header.name.toLowerCase() === name)?.value;
    if (value !== undefined) return [name, value];
    throw new ConnectorError('auth_failed', `The credential has no value for the header ${name}.`, {
      remedy: 'Provide a credential whose encryptedHeaders has a value for each encrypted header.',
    });
  });
}

/** Headers that every request has. */
export const commonHeaders = {
  accept: 'application/json',
  'accept-encoding': 'gzip',
  'user-agent': 'Mooring',
} as const;

/**
 * Headers of a connection, lower-cased. The sign-in comes last, so that no property can replace it.
 * @param token of an OAuth login
 * @throws ConnectorError `auth_failed` when a credential field is missing, `invalid_config` when it cannot be sent
 */
export function requestHeaders(
  places: LoginPlaces,
  login: HttpLogin,
  token?: Secret<string>,
): Record<string, string> {
  const visible = places.queryHeaders.filter(({ encrypt }) => encrypt !== true);
  const signIn = signInHeader(places, login, token);
  return Object.fromEntries([
    ...visible.map(({ name, value }) => [name.toLowerCase(), value]),
    ...sealedHeaders(places, login),
    ...(signIn ? [signIn] : []),
  ]);
}

/** The query parameter of the sign-in, which no page URL can replace. */
export const keyParameter = (
  { apiKeyParameter }: LoginPlaces,
  login: HttpLogin,
): [string, string] | undefined =>
  login.method === 'api-key' && apiKeyParameter !== undefined
    ? [apiKeyParameter, textOf(login, 'apiKey')]
    : undefined;
