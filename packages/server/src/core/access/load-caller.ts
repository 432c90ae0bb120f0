import { rolesOf } from '../store/decoded-rows.js';
import type { Db } from '../store/queryable.js';
import type { ApiKeyTable } from '../store/tables.js';
import type { HashToken } from '../vault/token-hashes.js';
import type { AccessTokens } from './access-tokens.js';
import type { Caller, WayIn } from './caller.js';

export interface Admitted {
  caller: Caller;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** A key that was issued on the machine itself has no inviter, and reaches everything. */
function wayInOf(row: Pick<ApiKeyTable, 'invitation_id' | 'invited_by' | 'reaches_since'>): {
  wayIn?: WayIn;
} {
  const { invitation_id: invitationId, invited_by: invitedBy, reaches_since: reachesSince } = row;
  if (invitationId === null || invitedBy === null) return {};
  return {
    wayIn: Object.freeze({ invitationId, invitedBy, ...(reachesSince === null ? {} : { reachesSince }) }),
  };
}

/** The user of an API key. The store holds an HMAC of the key, never the key itself. */
export async function callerOfKey(
  db: Db,
  hashToken: HashToken,
  token: string,
): Promise<Admitted | undefined> {
  const row = await db
    .selectFrom('api_key')
    .innerJoin('user', (join) =>
      join.onRef('user.id', '=', 'api_key.user_id').onRef('user.tenant_id', '=', 'api_key.tenant_id'),
    )
    .select([
      'api_key.id',
      'api_key.expires_at',
      'api_key.invitation_id',
      'api_key.invited_by',
      'api_key.reaches_since',
      'api_key.scopes',
      'user.id as user_id',
      'user.tenant_id',
      'user.name',
      'user.roles',
    ])
    .where('api_key.token_hash', '=', hashToken(token))
    .where('api_key.revoked_at', 'is', null)
    .where('user.status', '=', 'active')
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    caller: Object.freeze({
      userId: row.user_id,
      tenantId: row.tenant_id,
      name: row.name,
      roles: rolesOf(row),
      keyId: row.id,
      keyKind: 'api-key',
      ...wayInOf(row),
      ...(row.scopes === null ? {} : { scopes: JSON.parse(row.scopes) as string[] }),
    }),
    expiresAt: row.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(row.expires_at),
  };
}

/** The machine user of an access token. Its roles are limited to scopes that the token has and its client still may have. */
export async function callerOfAccessToken(
  db: Db,
  accessTokens: AccessTokens,
  token: string,
): Promise<Admitted | undefined> {
  const id = await accessTokens.verify(token);
  if (id === undefined) return undefined;
  // No user: we signed the token with this id, and the id says whose it is.
  const row = await db
    .selectFrom('oauth_token')
    .innerJoin('oauth_client', 'oauth_client.id', 'oauth_token.client_id')
    .innerJoin('user', (join) =>
      join
        .onRef('user.id', '=', 'oauth_client.user_id')
        .onRef('user.tenant_id', '=', 'oauth_token.tenant_id'),
    )
    .select([
      'oauth_token.id',
      'oauth_token.scope',
      'oauth_token.expires_at',
      'oauth_token.client_id',
      'oauth_client.allowed_scopes',
      'user.id as user_id',
      'user.tenant_id',
      'user.name',
      'user.roles',
    ])
    .where('oauth_token.id', '=', id)
    .where('user.status', '=', 'active')
    .executeTakeFirst();
  if (!row) return undefined;
  const allowed = JSON.parse(row.allowed_scopes) as string[];
  const scopes = row.scope.split(' ').filter((scope) => allowed.includes(scope));
  if (scopes.length === 0) return undefined;
  return {
    caller: Object.freeze({
      userId: row.user_id,
      tenantId: row.tenant_id,
      name: row.name,
      roles: scopes.includes('admin_classic') ? rolesOf(row) : [],
      keyId: row.id,
      keyKind: 'access-token',
      clientId: row.client_id,
    }),
    expiresAt: Date.parse(row.expires_at),
  };
}
