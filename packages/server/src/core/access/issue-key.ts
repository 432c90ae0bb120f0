import { newUuid } from '../crypto/random.js';
import { AppError } from '../errors/app-error.js';
import { countRows } from '../store/count-rows.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { ApiKeyTable } from '../store/tables.js';
import type { HashToken } from '../vault/token-hashes.js';
import type { Caller } from './caller.js';
import { durationMs, keyLimits } from './key-limits.js';
import { newApiKeyToken } from './token.js';

// The only place that creates API keys: with a key, from an invitation, or on the machine itself.

/** Default lifetime of a key. */
export const keyLifeMs = 365 * 86_400_000;

export interface NewKey {
  tenantId: string;
  userId: string;
  description: string;
  createdBy: string;
  createdAt: Date;
  /** Null: does not expire. */
  expiresAt: string | null;
  /** Absent: everything its user may do. */
  scopes?: readonly string[] | undefined;
  wayIn?: { invitationId: string; invitedBy: string | null; reachesSince: string | null };
  /** Chosen by the operator; absent: generated. */
  token?: string;
}

/** Longest lifetime of a new key of the tenant, in milliseconds. */
export async function longestLifeMs(db: Queryable, tenantId: string): Promise<number> {
  const { max_api_key_expiry: longest } = await keyLimits(db, tenantId);
  return durationMs(longest, 'expiry');
}

export const activeKeysOf = (db: Queryable, userId: string, at: string): Promise<number> =>
  countRows(
    db
      .selectFrom('api_key')
      .where('user_id', '=', userId)
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)])),
  );

/** @throws AppError CONFLICT when the user has reached the tenant's limit of active keys */
export async function issueKey(
  tx: Tx,
  hashToken: HashToken,
  key: NewKey,
): Promise<{ row: ApiKeyTable; token: string }> {
  const at = key.createdAt.toISOString();
  const { max_keys_per_user: most } = await keyLimits(tx, key.tenantId);
  if ((await activeKeysOf(tx, key.userId, at)) >= most) {
    throw new AppError('CONFLICT', `A user may have ${most} active keys. Revoke one first.`);
  }
  const token = key.token ?? newApiKeyToken();
  const row: ApiKeyTable = {
    id: newUuid(),
    tenant_id: key.tenantId,
    user_id: key.userId,
    token_hash: hashToken(token),
    description: key.description,
    created_by: key.createdBy,
    created_at: at,
    updated_at: null,
    expires_at: key.expiresAt,
    revoked_at: null,
    scopes: key.scopes ? JSON.stringify(key.scopes) : null,
    invitation_id: key.wayIn?.invitationId ?? null,
    invited_by: key.wayIn?.invitedBy ?? null,
    reaches_since: key.wayIn?.reachesSince ?? null,
    successor_id: null,
  };
  await tx.insertInto('api_key').values(row).execute();
  return { row, token };
}

/**
 * The API key of a request, for operations that need a user's own key. What a machine user creates would outlive its
 * client's secret.
 * @throws AppError ACCESS-DENIED for an access token, and for a key of a machine user
 */
export async function assertOwnKey(db: Queryable, caller: Caller): Promise<ApiKeyTable> {
  const row = await db
    .selectFrom('api_key')
    .innerJoin('user', 'user.id', 'api_key.user_id')
    .selectAll('api_key')
    .where('api_key.id', '=', caller.keyId)
    .where('api_key.tenant_id', '=', caller.tenantId)
    .where('api_key.user_id', '=', caller.userId)
    .where('user.client_id', 'is', null)
    .executeTakeFirst();
  if (row) return row;
  throw new AppError(
    'ACCESS-DENIED',
    "This needs a user's own API key. An access token, or a key of a machine user, cannot create access grants.",
  );
}
