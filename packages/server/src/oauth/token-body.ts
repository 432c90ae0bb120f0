// Providers write the success answer of RFC 6749 section 5.1 in their own ways, and the library reads it strictly. An
// answer that it refuses may be the only one that ever holds a rotated refresh token, so what is harmless is put in
// order first. Only the known members are copied: nothing else in the answer can reach any other code.
import { OAuthError } from './oauth-error.js';

const day = 86_400;
const lifeAssumedSeconds = 3600;
const lifeSeconds = { min: 60, max: 30 * day };
/** RFC 6749 appendix A.12 and A.17. */
const tokenForm = /^[\x20-\x7e]+$/;

export interface TokenBodyOptions {
  /** A refresh token is at hand, or the token can be asked for again: then a token needs an end. */
  isRenewable?: boolean;
  keepIdToken?: boolean;
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
 * @throws OAuthError `nonsense` when it holds no usable access token
 */
export function normaliseTokenBody(
  body: Readonly<Record<string, unknown>>,
  options: TokenBodyOptions,
): TokenBody {
  const accessToken = readToken(body['access_token']);
  if (accessToken === undefined) throw new OAuthError('nonsense', { detail: 'It holds no access token.' });
  const refreshToken = readToken(body['refresh_token']);
  const isRenewable = options.isRenewable === true || refreshToken !== undefined;
  const expiresIn = readLife(body['expires_in'], isRenewable);
  const scope = readScope(body['scope']);
  const idToken = options.keepIdToken ? body['id_token'] : undefined;
  return {
    access_token: accessToken,
    token_type:
      typeof body['token_type'] === 'string' && body['token_type'] !== '' ? body['token_type'] : 'bearer',
    ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(scope === undefined ? {} : { scope }),
    ...(typeof idToken === 'string' && idToken !== '' ? { id_token: idToken } : {}),
  };
}

function readToken(value: unknown): string | undefined {
  return typeof value === 'string' && tokenForm.test(value) ? value : undefined;
}

/** A life that is absurd is shortened to a sane one, unless nothing could renew the token: then it stays unknown. */
function readLife(value: unknown, isRenewable: boolean): number | undefined {
  const isText = typeof value === 'string' && value.trim() !== '';
  const seconds = typeof value === 'number' || isText ? Number(value) : Number.NaN;
  if (!isRenewable) return seconds > 0 && seconds <= lifeSeconds.max ? seconds : undefined;
  if (Number.isNaN(seconds)) return lifeAssumedSeconds;
  return Math.min(Math.max(seconds, lifeSeconds.min), lifeSeconds.max);
}

function readScope(value: unknown): string | undefined {
  const scope = Array.isArray(value) ? value.filter((each) => typeof each === 'string').join(' ') : value;
  return typeof scope === 'string' && scope !== '' ? scope : undefined;
}
