import type { Queryable } from '../store/queryable.js';
import type { Caller } from './caller.js';

/**
 * True while this caller's key or token, and its user, may still be used.
 * @param at ISO 8601, by the store's clock
 */
export async function isGrantAlive(
  db: Queryable,
  { keyId, userId, tenantId }: Pick<Caller, 'keyId' | 'userId' | 'tenantId'>,
  at: string,
): Promise<boolean> {
  const user = await db
    .selectFrom('user')
    .select('id')
    .where('id', '=', userId)
    .where('tenant_id', '=', tenantId)
    .where('status', '=', 'active')
    .executeTakeFirst();
  if (!user) return false;
  const key = await db
    .selectFrom('api_key')
    .select('id')
    .where('id', '=', keyId)
    .where('user_id', '=', userId)
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
    .executeTakeFirst();
  if (key) return true;
  const token = await db
    .selectFrom('oauth_token')
    .select('id')
    .where('id', '=', keyId)
    .where('user_id', '=', userId)
    .where('tenant_id', '=', tenantId)
    .where('expires_at', '>', at)
    .executeTakeFirst();
  return token !== undefined;
}
