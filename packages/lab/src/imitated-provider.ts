import type { LabAuthorizationServer } from './authorization-server.js';
import { knowSecretsIn } from './known-secrets.js';
import { listenOnLoopback, readRequestBody } from './loopback-http.js';

export interface ImitatedAnswer {
  status: number;
  body: Record<string, unknown>;
}

/** How a provider departs from what the lab's authorization server does by itself. */
export interface ProviderWays {
  /** The only way that the client's secret is taken. */
  secret: 'basic' | 'post';
  scopeSeparator?: ',';
  /** Scopes and parameters without which the sign-in page is refused. */
  demandsScopes?: readonly string[];
  demands?: Readonly<Record<string, string>>;
  /** Whether this authorization request yields a refresh token. */
  isOffline(asked: { scopes: readonly string[]; parameters: URLSearchParams }): boolean;
  /** The answer in place of the lab's own; `given` has its members. */
  tokens(
    given: Record<string, unknown>,
    about: { login: string; isRefresh: boolean; scopes: readonly string[] },
  ): Record<string, unknown>;
  /** The answer for a refresh token that is dead. */
  dead: ImitatedAnswer;
  /** What the account endpoint says, of a token for these scopes; undefined where they do not allow it. */
  account?(login: string, scopes: readonly string[]): Record<string, unknown> | undefined;
}

export interface ImitatedProvider {
  authorizationEndpoint: string;
  tokenEndpoint: string;
  accountEndpoint: string;
  close(): Promise<void>;
}

const labScopes = ['openid', 'email', 'read', 'write'];

/**
 * A front before the lab's authorization server that has the ways of one provider: it translates requests into the
 * lab's, refuses what the provider would refuse, and gives answers in the provider's form. The page of the sign-in
 * itself is the lab's: the authorization endpoint redirects there.
 */
export async function imitateProvider(
  lab: LabAuthorizationServer,
  ways: ProviderWays,
): Promise<ImitatedProvider> {
  let scopes: readonly string[] = [];

  function authorize(parameters: URLSearchParams): string | undefined {
    const scope = parameters.get('scope') ?? '';
    scopes = scope.split(ways.scopeSeparator ?? ' ').filter((each) => each !== '');
    const isRefused =
      scopes.some((each) => /[\s,]/.test(each)) ||
      ways.demandsScopes?.some((each) => !scopes.includes(each)) ||
      Object.entries(ways.demands ?? {}).some(([name, value]) => parameters.get(name) !== value);
    if (isRefused) return undefined;
    const isOffline = ways.isOffline({ scopes, parameters });
    const target = new URL(lab.authorizationEndpoint);
    for (const name of ['client_id', 'redirect_uri', 'state', 'code_challenge', 'code_challenge_method']) {
      target.searchParams.set(name, parameters.get(name) ?? '');
    }
    target.searchParams.set('response_type', 'code');
    const known = labScopes.filter((each) => scopes.includes(each));
    target.searchParams.set('scope', [...known, ...(isOffline ? ['offline_access'] : [])].join(' '));
    if (isOffline) target.searchParams.set('prompt', 'consent');
    return target.href;
  }

  async function token(form: URLSearchParams, authorization: string | undefined): Promise<ImitatedAnswer> {
    const isBasic = authorization?.startsWith('Basic ') === true;
    if (isBasic !== (ways.secret === 'basic') || form.has('client_secret') === isBasic) {
      return { status: 401, body: { error: 'invalid_client' } };
    }
    const response = await fetch(lab.tokenEndpoint, {
      method: 'POST',
      headers: isBasic ? { authorization: authorization ?? '' } : {},
      body: form,
    });
    const given = (await response.json()) as Record<string, unknown>;
    const isRefresh = form.get('grant_type') === 'refresh_token';
    if (!response.ok) {
      return isRefresh && given['error'] === 'invalid_grant'
        ? ways.dead
        : { status: response.status, body: given };
    }
    const { sub = '' } = await lab.verifyAccessToken(String(given['access_token']));
    return { status: 200, body: ways.tokens(given, { login: sub, isRefresh, scopes }) };
  }

  async function account(authorization: string | undefined): Promise<ImitatedAnswer> {
    const { sub } = await lab.verifyAccessToken((authorization ?? '').replace('Bearer ', ''));
    const body = sub === undefined ? undefined : ways.account?.(sub, scopes);
    return body ? { status: 200, body } : { status: 403, body: { message: 'no' } };
  }

  const server = await listenOnLoopback(0, () => async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://front');
    if (url.pathname === '/authorize') {
      const location = authorize(url.searchParams);
      response.writeHead(location === undefined ? 400 : 302, location === undefined ? {} : { location });
      response.end();
      return;
    }
    const { authorization } = request.headers;
    const answer =
      url.pathname === '/token'
        ? await token(new URLSearchParams((await readRequestBody(request)).toString()), authorization)
        : await account(authorization);
    knowSecretsIn('of the provider', answer.body);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });
  return {
    authorizationEndpoint: `${server.url}/authorize`,
    tokenEndpoint: `${server.url}/token`,
    accountEndpoint: `${server.url}/account`,
    close: server.close,
  };
}
