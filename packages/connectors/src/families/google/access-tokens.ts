import { sign } from 'node:crypto';
import { ConnectorError } from '../../interface/errors.js';
import type { TokenSource } from '../../interface/login.js';
import type { Network } from '../../interface/network.js';
import { Secret } from '../../interface/secret.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { documentOf, type Exchange, exchangeJson } from '../http/exchange.js';
import { isBearerToken } from '../http/headers.js';
import { tokenFailureIn } from './failures.js';
import { isObject, textIn } from './members.js';
import type { ServiceAccountKey } from './service-account.js';

/** Longest life of an assertion that Google accepts, and of a token that does not say its own. */
const lifeSeconds = 3600;
const requestSeconds = 60;
/** A token is renewed so long before its end. */
const marginMs = 60_000;

/** A token for API calls. @param renew after the API answered 401 to the last one */
export type AccessTokens = (renew: boolean, signal: AbortSignal) => Promise<Secret<string>>;

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A service account's assertion: https://developers.google.com/identity/protocols/oauth2/service-account */
function assertionOf({ email, privateKey }: ServiceAccountKey, scope: string, audience: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: email, scope, aud: audience, iat: now, exp: now + lifeSeconds };
  const signed = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

/**
 * Exchanges a key for access tokens (RFC 7523) and keeps the last one.
 * @param tokenEndpoint Google's or the operator's, never that of the key file
 */
export function serviceAccountTokens(
  key: ServiceAccountKey,
  scope: string,
  { network, tokenEndpoint }: { network: Network; tokenEndpoint: URL },
): AccessTokens {
  const exchange: Omit<Exchange, 'signal'> = {
    network,
    timeoutSeconds: requestSeconds,
    renewable: false,
    headers: async () => ({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    }),
    failure: tokenFailureIn,
  };
  let held: { token: Secret<string>; until: number } | undefined;
  return async (renew, signal) => {
    if (held && !renew && Date.now() < held.until) return held.token;
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: assertionOf(key, scope, tokenEndpoint.href),
    });
    const request = { method: 'POST', body: form.toString(), caps: parsingCaps({ isPreview: true }) };
    const answer = documentOf(await exchangeJson({ ...exchange, signal }, tokenEndpoint, request));
    const token = isObject(answer) ? textIn(answer, 'access_token') : undefined;
    if (token === undefined || !isBearerToken(token))
      throw new ConnectorError('protocol_error', 'The token endpoint returned no access token.');
    const { expires_in: seconds } = answer as { expires_in?: unknown };
    const isPlausible = typeof seconds === 'number' && seconds > 0 && seconds <= 86_400;
    held = {
      token: new Secret(token),
      until: Date.now() + (isPlausible ? seconds : lifeSeconds) * 1000 - marginMs,
    };
    return held.token;
  };
}

/** The tokens of a user who has signed in with Google. */
export const userTokens =
  (token: TokenSource): AccessTokens =>
  async (renew) => {
    const found = await token({ renew });
    if (isBearerToken(found.reveal())) return found;
    throw new ConnectorError('auth_failed', 'The credential has no Google sign-in.', {
      remedy: 'Sign in again.',
    });
  };
