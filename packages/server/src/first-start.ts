import { isWeakChoice, mayBeToken, newApiKeyToken } from './access/token.js';
import { ConfigError } from './config.js';
import type { Queryable, Store } from './store/store.js';
import { newObjectId, newToken, newUuid } from './vault/random.js';
import type { HashToken } from './vault/token-hashes.js';

export interface FirstStart {
  /** A key that was generated and must be shown once; absent when the operator chose one or this is no first start. */
  generatedAdminKey?: string;
}

/** Gives a new store its tenant, its first administrator and that person's API key. Does nothing on a store that has them. */
export async function firstStart(
  store: Store,
  hashToken: HashToken,
  adminKey: string | undefined,
): Promise<FirstStart> {
  const hasTenant = async (db: Queryable) =>
    (await db.selectFrom('tenant').select('id').limit(1).executeTakeFirst()) !== undefined;
  if (await hasTenant(store.db)) return {};
  if (
    adminKey !== undefined &&
    (!mayBeToken(adminKey) || !/^\S+$/.test(adminKey) || isWeakChoice(adminKey))
  ) {
    throw new ConfigError(
      'MOORING_ADMIN_KEY is easily guessed: it must be at least 24 characters without blanks, letters and digits, of 12 different ones at least. Make one with: openssl rand -hex 24',
    );
  }
  const token = adminKey ?? newApiKeyToken();
  const at = new Date().toISOString();
  const tenantId = newToken(24);
  const userId = newObjectId();
  const isFirst = await store.transaction(async (tx) => {
    // Of nodes that start together on a new database, one is first.
    if (await hasTenant(tx)) return false;
    await tx.insertInto('tenant').values({ id: tenantId, name: 'mooring', created_at: at }).execute();
    await tx
      .insertInto('user')
      .values({
        id: userId,
        tenant_id: tenantId,
        subject: 'admin',
        name: 'Administrator',
        email: null,
        status: 'active',
        roles: JSON.stringify(['TenantAdmin']),
        created_at: at,
        updated_at: at,
      })
      .execute();
    await tx
      .insertInto('api_key')
      .values({
        id: newUuid(),
        tenant_id: tenantId,
        user_id: userId,
        token_hash: hashToken(token),
        description: 'First administrator',
        created_by: userId,
        created_at: at,
        expires_at: null,
        revoked_at: null,
        scopes: null,
      })
      .execute();
    return true;
  });
  return isFirst && adminKey === undefined ? { generatedAdminKey: token } : {};
}
