import { type ErrorCode, errorTable } from '@mooring/contract/errors';
import { issueToken } from '@mooring/contract/routes/oauth-tokens';
import type { AccessTokens } from '../../../core/access/access-tokens.js';
import type { Authenticator } from '../../../core/access/authenticate.js';
import { mayBeClientSecret } from '../../../core/access/token.js';
import { record } from '../../../core/audit/record.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Store } from '../../../core/store/store.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { bind, type Handler, type Reply } from '../../http/handler.js';

export interface OAuthTokensDependencies {
  store: Store;
  accessTokens: AccessTokens;
  authenticator: Authenticator;
  guesses: GuessGuard;
  hashToken: HashToken;
  publicUrl: () => string;
}

type Asked = Parameters<Handler<typeof issueToken>>[0]['body'];
type Issued = Awaited<ReturnType<OAuthTokensDependencies['accessTokens']['issue']>>;

/** Error codes of RFC 6749 section 5.2, each with ours. */
const refusals = {
  invalid_request: 'DCERROR-0010',
  unsupported_grant_type: 'DCERROR-0010',
  invalid_scope: 'DCERROR-0010',
  invalid_client: 'AUTHENTICATION-REQUIRED',
} as const satisfies Record<string, ErrorCode>;

interface Refusal {
  error: keyof typeof refusals;
  detail: string;
}

function refuse({ error, detail }: Refusal, traceId: string): Reply {
  const code = refusals[error];
  const { title, status } = errorTable[code];
  const errors = [{ code, title, detail, status }];
  return { status, body: { errors, traceId, error, error_description: detail } };
}

/**
 * Client id and secret of HTTP Basic authentication, both form-encoded (RFC 6749 section 2.3.1). Undefined for any other
 * header.
 */
function basicCredentials(header: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^\s*Basic\s+([A-Za-z0-9+/=_-]{1,4096})\s*$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [id, ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  try {
    const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    return { id: decode(id ?? ''), secret: decode(rest.join(':')) };
  } catch {
    return undefined;
  }
}

/** Client id and secret of a request for a token. */
function clientAuthentication(
  body: Asked,
  basic: ReturnType<typeof basicCredentials>,
): { clientId: string; secret: string } | Refusal {
  if (basic && (body.client_secret !== undefined || (body.client_id ?? basic.id) !== basic.id)) {
    return {
      error: 'invalid_request',
      detail: 'Send the client id and secret once: as Basic authentication or in the body.',
    };
  }
  if (!body.grant_type) return { error: 'invalid_request', detail: 'grant_type: is required' };
  if (body.grant_type !== 'client_credentials') {
    return {
      error: 'unsupported_grant_type',
      detail: 'grant_type: only client_credentials is supported',
    };
  }
  const clientId = basic?.id ?? body.client_id;
  const secret = basic?.secret ?? body.client_secret;
  if (!clientId || !secret)
    return { error: 'invalid_request', detail: 'client_id and client_secret: are required' };
  return { clientId, secret };
}

const findClient = ({ store, hashToken }: OAuthTokensDependencies, clientId: string, secret: string) =>
  store.db
    .selectFrom('oauth_client_secret')
    .innerJoin('oauth_client', 'oauth_client.id', 'oauth_client_secret.client_id')
    .innerJoin('user', 'user.id', 'oauth_client.user_id')
    .select(['oauth_client.id', 'oauth_client.tenant_id', 'oauth_client.user_id', 'allowed_scopes'])
    .where('oauth_client_secret.secret_hash', '=', hashToken(secret))
    .where('oauth_client.id', '=', clientId)
    .where('user.status', '=', 'active')
    .executeTakeFirst();

type Client = NonNullable<Awaited<ReturnType<typeof findClient>>>;

/** The scope of the token: what was asked for, or all that the client may have. */
function scopeFor({ allowed_scopes }: Client, asked: string | undefined): { scope: string } | Refusal {
  const allowed = JSON.parse(allowed_scopes) as string[];
  const wanted = asked?.split(' ').filter(Boolean) ?? [];
  if (wanted.some((scope) => !allowed.includes(scope)))
    return { error: 'invalid_scope', detail: `scope: this client may have ${allowed.join(' ')}` };
  return { scope: [...new Set(wanted.length > 0 ? wanted : allowed)].join(' ') };
}

/** Stores the token, and deletes those that have expired. */
const storeToken = (store: Store, client: Client, issued: Issued, scope: string) =>
  store.transaction(async (tx) => {
    const createdAt = issued.createdAt.toISOString();
    await tx.deleteFrom('oauth_token').where('expires_at', '<', createdAt).execute();
    await tx
      .insertInto('oauth_token')
      .values({
        id: issued.id,
        tenant_id: client.tenant_id,
        client_id: client.id,
        user_id: client.user_id,
        scope,
        created_at: createdAt,
        expires_at: issued.expiresAt.toISOString(),
      })
      .execute();
    await record(tx, {
      name: 'oauth-token.issued',
      by: { tenantId: client.tenant_id, userId: client.user_id },
      resourceId: issued.id,
      parentId: client.id,
      data: { scope },
    });
  });

/** `POST /oauth/token`: RFC 6749 section 4.4. */
export const issueAccessToken = (deps: OAuthTokensDependencies) =>
  bind(issueToken, async ({ body }, { traceId, request }) => {
    const basic = basicCredentials(request.headers.authorization);
    const given = clientAuthentication(body, basic);
    if ('error' in given) return refuse(given, traceId);
    const { clientId, secret } = given;
    const client = mayBeClientSecret(secret) ? await findClient(deps, clientId, secret) : undefined;
    if (!client) {
      deps.guesses.failed(request.ip);
      const detail = 'The client is unknown, or its secret is wrong or was deleted.';
      return {
        ...refuse({ error: 'invalid_client', detail }, traceId),
        ...(basic ? { headers: { 'www-authenticate': 'Basic realm="mooring"' } } : {}),
      };
    }
    const granted = scopeFor(client, body.scope);
    if ('error' in granted) return refuse(granted, traceId);
    const { scope } = granted;
    const { tenant_id: tenantId, user_id: userId } = client;
    const issued = await deps.accessTokens.issue({ tenantId, userId, clientId, scope });
    await storeToken(deps.store, client, issued, scope);
    return {
      status: 200,
      body: {
        access_token: issued.token,
        token_type: 'bearer',
        expires_in: issued.lifeSeconds,
        expires_at: issued.expiresAt.toISOString(),
        scope,
      },
    };
  });
