import { sha256 } from '../crypto/digest.js';
import type { Db, Queryable } from '../store/queryable.js';
import type { ApiKeyTable } from '../store/tables.js';
import type { HashToken } from '../vault/token-hashes.js';
import type { AccessTokens } from './access-tokens.js';
import type { Caller, WayIn } from './caller.js';
import { isAccessToken, mayBeToken } from './token.js';

interface Known {
  caller: Caller;
  expiresAt: number;
  /** Until when the entry may be believed, so that a revocation on another node is seen soon. */
  freshUntil: number;
}

export interface Authenticator {
  authenticate(token: string): Promise<Caller | undefined>;
  /** True while this caller's key or token, and the person behind it, may still be used: asks the store. */
  isAlive(db: Queryable, caller: Pick<Caller, 'keyId' | 'userId' | 'tenantId'>): Promise<boolean>;
  /** Forgets what is known about keys and tokens, after one of them or a person changed. */
  forget(): void;
}

export interface AuthenticatorDependencies {
  db: Db;
  accessTokens: AccessTokens;
  hashToken: HashToken;
  now?: () => number;
}

const freshMs = 1000;
const knownMax = 10_000;

/** What was let in on the machine itself has no inviter, and reaches everything. */
function wayInOf(row: Pick<ApiKeyTable, 'invitation_id' | 'invited_by' | 'reaches_since'>): {
  wayIn?: WayIn;
} {
  const { invitation_id: invitationId, invited_by: invitedBy, reaches_since: reachesSince } = row;
  if (invitationId === null || invitedBy === null) return {};
  return {
    wayIn: Object.freeze({ invitationId, invitedBy, ...(reachesSince === null ? {} : { reachesSince }) }),
  };
}

/**
 * The person behind an API key, or the machine behind an access token. The key itself is never stored: the store
 * holds an HMAC of it.
 */
export function createAuthenticator({
  db,
  accessTokens,
  hashToken,
  now = Date.now,
}: AuthenticatorDependencies): Authenticator {
  const known = new Map<string, Known>();

  const loadKey = async (token: string, freshUntil: number): Promise<Known | undefined> => {
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
        roles: JSON.parse(row.roles) as string[],
        keyId: row.id,
        keyKind: 'api-key',
        ...wayInOf(row),
        ...(row.scopes === null ? {} : { scopes: JSON.parse(row.scopes) as string[] }),
      }),
      expiresAt: row.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(row.expires_at),
      freshUntil,
    };
  };

  /** Roles reach as far as the scope that both the token has and its client still may have. */
  const loadAccessToken = async (token: string, freshUntil: number): Promise<Known | undefined> => {
    const id = await accessTokens.verify(token);
    if (id === undefined) return undefined;
    // No user: the id is of a token that we signed, and says whose it is.
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
        roles: scopes.includes('admin_classic') ? (JSON.parse(row.roles) as string[]) : [],
        keyId: row.id,
        keyKind: 'access-token',
        clientId: row.client_id,
      }),
      expiresAt: Date.parse(row.expires_at),
      freshUntil,
    };
  };

  return {
    async authenticate(token) {
      const isJwt = isAccessToken(token);
      if (!isJwt && !mayBeToken(token)) return undefined;
      // For this map alone, which is of this process: nobody must find keys in its memory.
      const hash = sha256(token);
      let entry = known.get(hash);
      if (!entry || entry.freshUntil <= now()) {
        // From before the store is asked, so that the time of its answer is no part of the time of belief.
        const freshUntil = now() + freshMs;
        entry = await (isJwt ? loadAccessToken(token, freshUntil) : loadKey(token, freshUntil));
        if (!entry) {
          known.delete(hash);
          return undefined;
        }
        if (known.size >= knownMax) known.clear();
        known.set(hash, entry);
      }
      return entry.expiresAt > now() ? entry.caller : undefined;
    },
    async isAlive(aside, { keyId, userId, tenantId }) {
      const at = new Date(now()).toISOString();
      const person = await aside
        .selectFrom('user')
        .select('id')
        .where('id', '=', userId)
        .where('tenant_id', '=', tenantId)
        .where('status', '=', 'active')
        .executeTakeFirst();
      if (!person) return false;
      const key = await aside
        .selectFrom('api_key')
        .select('id')
        .where('id', '=', keyId)
        .where('user_id', '=', userId)
        .where('tenant_id', '=', tenantId)
        .where('revoked_at', 'is', null)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
        .executeTakeFirst();
      if (key) return true;
      const token = await aside
        .selectFrom('oauth_token')
        .select('id')
        .where('id', '=', keyId)
        .where('user_id', '=', userId)
        .where('tenant_id', '=', tenantId)
        .where('expires_at', '>', at)
        .executeTakeFirst();
      return token !== undefined;
    },
    forget: () => known.clear(),
  };
}
