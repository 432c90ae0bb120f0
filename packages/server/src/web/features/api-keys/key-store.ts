import type { ApiKeyReply } from '@mooring/contract/routes/api-keys';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import type { ApiKeyTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';

export interface ApiKeysDependencies {
  store: Store;
  authenticator: Authenticator;
  hashToken: HashToken;
  publicUrl: () => string;
}

/** Clients expect an expiry, and a key that the operator chose has none. */
const neverEnds = '9999-12-31T23:59:59.999Z';

export const unknownKey = () => new AppError('NOT-FOUND', 'You have no such API key.');

/** The caller's keys, or those of the tenant for its administrators. */
export const keysOf = ({ db }: Store, caller: Caller) => {
  const statement = db.selectFrom('api_key').selectAll().where('tenant_id', '=', caller.tenantId);
  return isTenantAdministrator(caller) ? statement : statement.where('user_id', '=', caller.userId);
};

/** @throws AppError NOT-FOUND */
export async function findKey(store: Store, caller: Caller, id: string): Promise<ApiKeyTable> {
  const row = await keysOf(store, caller).where('id', '=', id).executeTakeFirst();
  if (!row) throw unknownKey();
  return row;
}

function statusOf(row: ApiKeyTable, now: string): ApiKeyReply['status'] {
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at !== null && row.expires_at <= now ? 'expired' : 'active';
}

/** @param now ISO 8601 */
export const presentKey = (row: ApiKeyTable, now: string): ApiKeyReply => ({
  id: row.id,
  tenantId: row.tenant_id,
  description: row.description,
  sub: row.user_id,
  subType: 'user',
  status: statusOf(row, now),
  created: row.created_at,
  lastUpdated: row.revoked_at ?? row.updated_at ?? row.created_at,
  createdByUser: row.created_by,
  ...(row.scopes === null ? {} : { scopes: JSON.parse(row.scopes) as ApiKeyReply['scopes'] }),
  expiry: row.expires_at ?? neverEnds,
  ...(row.invited_by === null ? {} : { invitedBy: row.invited_by }),
  ...(row.reaches_since === null ? {} : { awaitsApproval: true }),
});
