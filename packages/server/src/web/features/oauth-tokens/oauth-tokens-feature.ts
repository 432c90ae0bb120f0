import { listOAuthTokens, revokeOAuthToken } from '@mooring/contract/routes/oauth-tokens';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { fetchPage, type ListOrder } from '../../http/keyset.js';
import { issueAccessToken, type OAuthTokensDependencies } from './issue-token.js';

const tokenOrder: ListOrder = {
  sorts: { userId: 'oauth_token.user_id' },
  idColumn: 'oauth_token.id',
};

/** The caller's tokens, or those of the tenant for its administrators. */
const listTokens = ({ store, publicUrl }: OAuthTokensDependencies) =>
  bind(listOAuthTokens, async ({ query }, { caller, request }) => {
    let matching = store.db
      .selectFrom('oauth_token')
      .where('oauth_token.tenant_id', '=', caller.tenantId)
      .where('oauth_token.expires_at', '>', store.clock.iso());
    if (!isTenantAdministrator(caller)) matching = matching.where('oauth_token.user_id', '=', caller.userId);
    if (query.userId !== undefined) matching = matching.where('oauth_token.user_id', '=', query.userId);
    const tokens = matching
      .innerJoin('oauth_client', 'oauth_client.id', 'oauth_token.client_id')
      .selectAll('oauth_token')
      .select('oauth_client.name');
    const { shown, links } = await fetchPage(tokens, query, tokenOrder, publicUrl() + request.url);
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
  });

const revokeToken = ({ store, authenticator }: OAuthTokensDependencies) =>
  bind(revokeOAuthToken, async ({ params }, { caller }) => {
    await store.transaction(async (tx) => {
      const isForAll = isTenantAdministrator(caller);
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
  });

/** The token endpoint, and the access tokens that are valid. */
export const createOAuthTokensFeature = (deps: OAuthTokensDependencies): BoundRoute[] =>
  [issueAccessToken, listTokens, revokeToken].map((operation) => operation(deps));
