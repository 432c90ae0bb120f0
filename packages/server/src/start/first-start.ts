import { issueInvitation } from '../core/access/invitation.js';
import { issueKey } from '../core/access/issue-key.js';
import { isWeakChoice, mayBeToken } from '../core/access/token.js';
import { ConfigError } from '../core/config/config.js';
import { newObjectId, newToken } from '../core/crypto/random.js';
import type { Queryable } from '../core/store/queryable.js';
import type { Store } from '../core/store/store.js';
import type { HashToken } from '../core/vault/token-hashes.js';

export interface FirstStart {
  /** A generated key, to be shown once; absent when the operator chose one or this is not the first start. */
  generatedAdminKey?: string;
  /** Token of the first administrator's invitation; absent when this is not the first start. */
  invitation?: string;
}

/** Gives a new store its tenant, its first administrator and their API key. Does nothing on a store that has them. */
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
      'MOORING_ADMIN_KEY is too weak: it must have at least 24 characters, at least 12 of them different, with letters and digits and without whitespace. Make one with: openssl rand -hex 24',
    );
  }
  const createdAt = new Date();
  const at = createdAt.toISOString();
  const tenantId = newToken(24);
  const userId = newObjectId();
  const made = await store.transaction(async (tx) => {
    // Nodes may start together on a new database.
    if (await hasTenant(tx)) return undefined;
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
    const description = 'First administrator';
    const key = { tenantId, userId, description, createdBy: userId, createdAt, expiresAt: null };
    const issued = await issueKey(tx, hashToken, adminKey === undefined ? key : { ...key, token: adminKey });
    const lifeMs = 86_400_000;
    const invitation = await issueInvitation(tx, hashToken, {
      tenantId,
      userId,
      createdBy: null,
      createdAt,
      lifeMs,
    });
    return { token: issued.token, invitation: invitation.token };
  });
  if (!made) return {};
  return {
    invitation: made.invitation,
    ...(adminKey === undefined ? { generatedAdminKey: made.token } : {}),
  };
}
