import { decodeJwt, type JWTPayload } from 'jose';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { knowSecretsIn } from '../known-secrets.js';
import { type CannedAnswer, readRequestBody } from '../loopback-http.js';

/**
 * What goes wrong with one call of the token endpoint. With `commit` the server does the work first (codes are
 * used up, refresh tokens rotate) and only its answer is lost or replaced.
 */
export type TokenFault =
  | { kind: 'answer'; answer: CannedAnswer; commit?: boolean }
  | { kind: 'drop'; commit?: boolean };

/** Injected faults; assign at any time. The default injects no fault. */
export interface AuthorizationSwitches {
  /** Delay between the work and the answer of every token call. */
  tokenDelayMs: number;
  /** Token calls do their work, then wait for this before they answer. For tests that cannot sleep. */
  tokenHold: Promise<unknown> | undefined;
  /** One fault per token call, first in, first out. */
  tokenNext: TokenFault[];
  /** For every token call that finds `tokenNext` empty. */
  tokenAlways: TokenFault | undefined;
  /**
   * Called for every token call when it arrives, when its work is done, and when its answer was sent; the call
   * continues when it settles. For tests that kill the caller at exactly that moment.
   */
  tokenWatch: ((moment: 'arrived' | 'done' | 'answered') => unknown) | undefined;
  /** Answered instead of revoking. */
  revocationAlways: CannedAnswer | undefined;
  /** Parameters of the redirect back to the client: a string replaces the value, null omits it. */
  authorizationResponse: Record<string, string | null>;
  /**
   * Whether a refresh brings a new refresh token. `strict`: the second use of an old one ends the whole grant;
   * `lenient`: old ones keep working.
   */
  rotation: 'strict' | 'lenient' | 'off';
  /** Offset of this server's clock (negative: behind), visible in its ID tokens and `Date` headers. */
  clockSkewSeconds: number;
  /**
   * The authorization endpoint redirects users to the one of another server, with the parameters that it
   * received, changed by `parameters`: a mix-up attack on clients that do not check the issuer.
   */
  sendOnTo: { authorizationEndpoint: string; parameters: Record<string, string> } | undefined;
}

type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials' | 'other';

/** Calls since the start or the last `resetCounts`, including failed ones. */
export interface AuthorizationCounts {
  /** New authorization requests; resumed ones after a sign-in page are not counted again. */
  authorization: number;
  token: Record<GrantType, number>;
  revocation: number;
}

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];
type SendOn = NonNullable<AuthorizationSwitches['sendOnTo']>;
/** Signs with the server's own key and the algorithm and key id of the header. */
export type SignIdToken = (claims: JWTPayload) => Promise<string>;

export function createSwitches(): AuthorizationSwitches {
  return {
    tokenDelayMs: 0,
    tokenHold: undefined,
    tokenWatch: undefined,
    tokenNext: [],
    tokenAlways: undefined,
    revocationAlways: undefined,
    authorizationResponse: {},
    rotation: 'strict',
    clockSkewSeconds: 0,
    sendOnTo: undefined,
  };
}

export function emptyCounts(): AuthorizationCounts {
  const token = { authorization_code: 0, refresh_token: 0, client_credentials: 0, other: 0 };
  return { authorization: 0, token, revocation: 0 };
}

function isGrantType(value: unknown): value is GrantType {
  return value === 'authorization_code' || value === 'refresh_token' || value === 'client_credentials';
}

function answerWith(context: Context, answer: CannedAnswer): void {
  context.status = answer.status;
  context.set(answer.headers ?? {});
  context.type = answer.contentType ?? 'application/json';
  context.body = answer.body;
  knowSecretsIn('of the authorization server', answer.body);
}

function rewriteRedirect(context: Context, changes: Record<string, string | null>): void {
  const location = context.response.get('location');
  if (Object.keys(changes).length === 0 || !URL.canParse(location)) return;
  const target = new URL(location);
  if (
    target.origin === context.origin ||
    !(target.searchParams.has('code') || target.searchParams.has('error'))
  )
    return;
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) target.searchParams.delete(name);
    else target.searchParams.set(name, value);
  }
  context.set('location', target.href);
}

function sendOn(context: Context, { authorizationEndpoint, parameters }: SendOn): void {
  const target = new URL(authorizationEndpoint);
  const asked = { ...Object.fromEntries(new URLSearchParams(context.querystring)), ...parameters };
  for (const [name, value] of Object.entries(asked)) target.searchParams.set(name, value);
  context.redirect(target.href);
}

/** Re-signs the ID token of an answer with times of a skewed clock. */
async function skewClock(context: Context, seconds: number, sign: SignIdToken): Promise<void> {
  context.set('date', new Date(Date.now() + seconds * 1000).toUTCString());
  const body = context.body as { id_token?: string } | null;
  if (typeof body?.id_token !== 'string') return;
  const claims = decodeJwt(body.id_token);
  for (const name of ['iat', 'exp', 'nbf', 'auth_time'] as const) {
    const time = claims[name];
    if (typeof time === 'number') claims[name] = time + seconds;
  }
  context.body = { ...body, id_token: await sign(claims) };
}

/** Counts calls and injects faults around oidc-provider's own handling. */
export function createFaultMiddleware(
  switches: AuthorizationSwitches,
  countsNow: () => AuthorizationCounts,
  signIdToken: SignIdToken,
): Middleware {
  async function token(context: Context, next: () => Promise<void>): Promise<void> {
    const fault = switches.tokenNext.shift() ?? switches.tokenAlways;
    let grantType: unknown;
    await switches.tokenWatch?.('arrived');
    context.res.once('finish', () => switches.tokenWatch?.('answered'));
    if (fault === undefined || fault.commit) {
      await next();
      if (switches.clockSkewSeconds !== 0) await skewClock(context, switches.clockSkewSeconds, signIdToken);
      grantType = (context as KoaContextWithOIDC).oidc?.params?.grant_type;
    } else {
      grantType = new URLSearchParams((await readRequestBody(context.req)).toString()).get('grant_type');
    }
    countsNow().token[isGrantType(grantType) ? grantType : 'other'] += 1;
    await switches.tokenWatch?.('done');
    await switches.tokenHold;
    if (switches.tokenDelayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, switches.tokenDelayMs).unref());
    }
    if (fault?.kind === 'answer') answerWith(context, fault.answer);
    if (fault?.kind === 'drop') {
      context.respond = false;
      context.req.socket.destroy();
    }
  }

  return async (context, next) => {
    if (context.path === '/token') return await token(context, next);
    if (context.path === '/token/revocation') {
      countsNow().revocation += 1;
      if (switches.revocationAlways) return answerWith(context, switches.revocationAlways);
      return await next();
    }
    if (context.path === '/auth') {
      countsNow().authorization += 1;
      if (switches.sendOnTo !== undefined) return sendOn(context, switches.sendOnTo);
    }
    await next();
    if (context.path === '/auth' || context.path.startsWith('/auth/')) {
      rewriteRedirect(context, switches.authorizationResponse);
    }
  };
}
