import { issueToken, listOAuthTokens, revokeOAuthToken } from '@mooring/contract/routes/oauth-tokens';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import { type BoundRoute, bind, type Handler } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { issueAccessToken } from './issue-token.js';
import type { OAuthTokensDependencies } from './token-dependencies.js';

const tokenOrder: ListOrder = {
  sorts: { userId: 'oauth_token.user_id' },
  idColumn: 'oauth_token.id',
  sortDefault: '+id',
  limitDefault: 100,
};

/** The caller's tokens, or those of the tenant for its administrators. */
const listTokens =
  ({ store, publicUrl }: OAuthTokensDependencies): Handler<typeof listOAuthTokens> =>
  async ({ query }, { caller, request }) => {
    const page = readList(query, tokenOrder);
    let matching = store.db
      .selectFrom('oauth_token')
      .where('oauth_token.tenant_id', '=', caller.tenantId)
      .where('oauth_token.expires_at', '>', store.clock.iso());
    if (!isAdministratorOf(caller, 'personal'))
      matching = matching.where('oauth_token.user_id', '=', caller.userId);
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
  };

const revokeToken =
  ({ store, authenticator }: OAuthTokensDependencies): Handler<typeof revokeOAuthToken> =>
  async ({ params }, { caller }) => {
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
  };

/** The token endpoint, and the access tokens that are valid. */
export function createOAuthTokensFeature(deps: OAuthTokensDependencies): BoundRoute[] {
  return [
    bind(issueToken, issueAccessToken(deps)),
    bind(listOAuthTokens, listTokens(deps)),
    bind(revokeOAuthToken, revokeToken(deps)),
  ];
}
