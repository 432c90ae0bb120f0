import { type ErrorCode, errorTable } from '@mooring/contract/errors';
import { issueToken, listOAuthTokens, revokeOAuthToken } from '@mooring/contract/routes/oauth-tokens';
import type { AccessTokens } from '../../../core/access/access-tokens.js';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { mayBeClientSecret } from '../../../core/access/token.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Store } from '../../../core/store/store.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { basicCredentials } from './basic-credentials.js';

export interface OAuthTokensDependencies {
  store: Store;
  accessTokens: AccessTokens;
  authenticator: Authenticator;
  guesses: GuessGuard;
  hashToken: HashToken;
  publicUrl: () => string;
}

const refusals = {
  invalid_request: 'DCERROR-0010',
  unsupported_grant_type: 'DCERROR-0010',
  invalid_scope: 'DCERROR-0010',
  invalid_client: 'AUTHENTICATION-REQUIRED',
} as const satisfies Record<string, ErrorCode>;

const tokenOrder: ListOrder = {
  sorts: { userId: 'oauth_token.user_id' },
  idColumn: 'oauth_token.id',
  sortDefault: '+id',
  limitDefault: 100,
};

/** The access token endpoint, and what an administrator sees and revokes of the tokens that are out. */
export function createOAuthTokensFeature(deps: OAuthTokensDependencies): BoundRoute[] {
  const { store, accessTokens, authenticator, guesses, hashToken, publicUrl } = deps;

  const clientOf = async (clientId: string, secret: string) =>
    store.db
      .selectFrom('oauth_client_secret')
      .innerJoin('oauth_client', 'oauth_client.id', 'oauth_client_secret.client_id')
      .innerJoin('user', 'user.id', 'oauth_client.user_id')
      .select(['oauth_client.id', 'oauth_client.tenant_id', 'oauth_client.user_id', 'allowed_scopes'])
      .where('oauth_client_secret.secret_hash', '=', hashToken(secret))
      .where('oauth_client.id', '=', clientId)
      .where('user.status', '=', 'active')
      .executeTakeFirst();

  const issue = bind(issueToken, async ({ body }, { traceId, request }) => {
    const refuse = (error: keyof typeof refusals, detail: string) => {
      const code = refusals[error];
      const { title, status } = errorTable[code];
      const errors = [{ code, title, detail, status }];
      return { status, body: { errors, traceId, error, error_description: detail } };
    };
    const basic = basicCredentials(request.headers.authorization);
    if (basic && (body.client_secret !== undefined || (body.client_id ?? basic.id) !== basic.id)) {
      return refuse(
        'invalid_request',
        'Send the client id and secret once: as Basic authentication or in the body.',
      );
    }
    const clientId = basic?.id ?? body.client_id;
    const secret = basic?.secret ?? body.client_secret;
    if (!body.grant_type) return refuse('invalid_request', 'grant_type: is required');
    if (body.grant_type !== 'client_credentials') {
      return refuse('unsupported_grant_type', 'grant_type: only client_credentials is offered');
    }
    if (!clientId || !secret) return refuse('invalid_request', 'client_id and client_secret: are required');
    const client = mayBeClientSecret(secret) ? await clientOf(clientId, secret) : undefined;
    if (!client) {
      guesses.failed(request.ip);
      return {
        ...refuse('invalid_client', 'The client is unknown, or its secret is wrong or was deleted.'),
        ...(basic ? { headers: { 'www-authenticate': 'Basic realm="mooring"' } } : {}),
      };
    }
    const allowed = JSON.parse(client.allowed_scopes) as string[];
    const wanted = body.scope?.split(' ').filter(Boolean) ?? [];
    const unknown = wanted.find((scope) => !allowed.includes(scope));
    if (unknown !== undefined) {
      return refuse('invalid_scope', `scope: this client may have ${allowed.join(' ')}`);
    }
    const scope = [...new Set(wanted.length > 0 ? wanted : allowed)].join(' ');
    const caller = { tenantId: client.tenant_id, userId: client.user_id };
    const issued = await accessTokens.issue({ ...caller, clientId, scope });
    await store.transaction(async (tx) => {
      await tx.deleteFrom('oauth_token').where('expires_at', '<', issued.createdAt.toISOString()).execute();
      await tx
        .insertInto('oauth_token')
        .values({
          id: issued.id,
          tenant_id: client.tenant_id,
          client_id: client.id,
          user_id: client.user_id,
          scope,
          created_at: issued.createdAt.toISOString(),
          expires_at: issued.expiresAt.toISOString(),
        })
        .execute();
      await record(tx, {
        name: 'oauth-token.issued',
        by: caller,
        resourceId: issued.id,
        parentId: client.id,
        data: { scope },
      });
    });
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

  const tokensOf = (caller: Caller) => {
    const statement = store.db.selectFrom('oauth_token').where('oauth_token.tenant_id', '=', caller.tenantId);
    return isAdministratorOf(caller, 'personal')
      ? statement
      : statement.where('oauth_token.user_id', '=', caller.userId);
  };

  return [
    issue,
    bind(listOAuthTokens, async ({ query }, { caller, request }) => {
      const page = readList(query, tokenOrder);
      let matching = tokensOf(caller).where('oauth_token.expires_at', '>', store.clock.iso());
      if (query.userId !== undefined) matching = matching.where('oauth_token.user_id', '=', query.userId);
      const rows = await matching
        .innerJoin('oauth_client', 'oauth_client.id', 'oauth_token.client_id')
        .selectAll('oauth_token')
        .select('oauth_client.name')
        .where(page.condition)
        .orderBy(page.order)
        .limit(page.fetch)
        .execute();
      const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
      const data = shown.map((row) => ({
        id: row.id,
        tenantId: row.tenant_id,
        userId: row.user_id,
        clientId: row.client_id,
        description: row.name,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      }));
      return { status: 200, body: { data, links } };
    }),
    bind(revokeOAuthToken, async ({ params }, { caller }) => {
      await store.transaction(async (tx) => {
        const isForAll = isAdministratorOf(caller, 'personal');
        const result = await tx
          .deleteFrom('oauth_token')
          .where('id', '=', params.tokenId)
          .where('tenant_id', '=', caller.tenantId)
          .$if(!isForAll, (own) => own.where('user_id', '=', caller.userId))
          .executeTakeFirst();
        if (result.numDeletedRows !== 1n) throw new AppError('NOT-FOUND', 'You have no such token.');
        await record(tx, { name: 'oauth-token.revoked', by: caller, resourceId: params.tokenId });
      });
      authenticator.forget();
      return { status: 204 };
    }),
  ];
}
