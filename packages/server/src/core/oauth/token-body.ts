// Providers deviate from the token response of RFC 6749 section 5.1, and the library reads it strictly. A response that it
// rejects may be the only one with a rotated refresh token, so harmless deviations are normalized first. Only the known
// members are copied, so that nothing else in the response reaches other code.
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { OAuthError } from './oauth-error.js';

const day = 86_400;
const lifeAssumedSeconds = 3600;
const lifeSeconds = { min: 60, max: 30 * day };
/** RFC 6749 appendix A.12 and A.17. */
const tokenForm = /^[\x20-\x7e]+$/;

export interface TokenBodyOptions {
  /** There is a refresh token, or the token can be requested again: then it needs an expiry. */
  isRenewable?: boolean;
  /** Whether an ID token can be validated; otherwise it is dropped. */
  keepsIdToken?: (idToken: string) => boolean;
  /** Deviations of this provider. */
  ways?: Pick<OAuthPreset, 'tokenLifeSeconds' | 'bearerName' | 'scopeSeparator' | 'grantedScopeSeparator'>;
}

export interface TokenBody {
  access_token: string;
  token_type: string;
  expires_in?: number;
  refresh_token?: string;
  scope?: string;
  id_token?: string;
}

/**
 * @param body the parsed JSON object
 * @throws OAuthError `nonsense` without a usable access token
 */
export function normaliseTokenBody(
  body: Readonly<Record<string, unknown>>,
  options: TokenBodyOptions,
): TokenBody {
  const accessToken = readToken(body['access_token']);
  if (accessToken === undefined)
    throw new OAuthError('nonsense', { detail: 'It has no valid access token.' });
  const refreshToken = readToken(body['refresh_token']);
  const isRenewable = options.isRenewable === true || refreshToken !== undefined;
  const { tokenLifeSeconds = lifeAssumedSeconds, bearerName, ...separators } = options.ways ?? {};
  const expiresIn = readLife(body['expires_in'], isRenewable, tokenLifeSeconds);
  const scope = readScope(
    body['scope'],
    separators.grantedScopeSeparator ?? separators.scopeSeparator ?? ' ',
  );
  const idToken = body['id_token'];
  const hasIdToken = typeof idToken === 'string' && idToken !== '' && options.keepsIdToken?.(idToken);
  return {
    access_token: accessToken,
    token_type: readType(body['token_type'], bearerName),
    ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(scope === undefined ? {} : { scope }),
    ...(hasIdToken ? { id_token: idToken } : {}),
  };
}

function readToken(value: unknown): string | undefined {
  return typeof value === 'string' && tokenForm.test(value) ? value : undefined;
}

function readType(value: unknown, bearerName: string | undefined): string {
  return typeof value === 'string' && value !== '' && value.toLowerCase() !== bearerName ? value : 'bearer';
}

/** An absurd lifetime is clamped, unless the token cannot be refreshed: then it stays unknown. */
function readLife(value: unknown, isRenewable: boolean, assumed: number): number | undefined {
  const isText = typeof value === 'string' && value.trim() !== '';
  const seconds = typeof value === 'number' || isText ? Number(value) : Number.NaN;
  if (!isRenewable) return seconds > 0 && seconds <= lifeSeconds.max ? seconds : undefined;
  if (Number.isNaN(seconds)) return assumed;
  return Math.min(Math.max(seconds, lifeSeconds.min), lifeSeconds.max);
}

/** @returns scopes separated by spaces, whatever separator the provider uses */
function readScope(value: unknown, separator: string): string | undefined {
  const given = Array.isArray(value) ? value.filter((each) => typeof each === 'string').join(' ') : value;
  if (typeof given !== 'string') return undefined;
  const scopes = given.split(separator).map((scope) => scope.trim());
  return scopes.filter((scope) => scope !== '').join(' ') || undefined;
}
