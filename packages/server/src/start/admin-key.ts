import type { Logger } from 'pino';
import { issueKey, keyLifeMs, longestLifeMs } from '../core/access/issue-key.js';
import { record } from '../core/audit/record.js';
import { ConfigError, loadConfig, type ServeFlags } from '../core/config/config.js';
import { openUnderKey } from '../core/opening/open-store.js';
import { type Store, storeExists } from '../core/store/store.js';

export interface AdminKey {
  token: string;
  /** ISO 8601. */
  expiresAt: string;
  user: { id: string; name: string; subject: string };
}

/** The oldest active user who administers the tenant. */
const firstAdministrator = (store: Store) =>
  store.db
    .selectFrom('user')
    .selectAll()
    .where('status', '=', 'active')
    .where('client_id', 'is', null)
    .where('roles', 'like', '%"TenantAdmin"%')
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirst();

/**
 * A new API key for an administrator who lost theirs, made on the machine and audited. A holder of the store and the
 * master key reaches everything anyway, so this key needs no approval as one from an invitation does.
 * @throws ConfigError when there is no store; KeyError and StoreError as at a start
 */
export async function makeAdminKey(
  flags: ServeFlags,
  log: Logger,
  environment?: Readonly<Record<string, string | undefined>>,
): Promise<AdminKey> {
  const config = loadConfig(flags, environment);
  if (config.databaseUrl === undefined && !storeExists(config.dataFolder)) {
    throw new ConfigError(`There is no store in ${config.dataFolder}. Name its folder with --data.`);
  }
  const { store, keyring } = await openUnderKey(config, log);
  try {
    const user = await firstAdministrator(store);
    if (!user)
      throw new ConfigError('The store has no administrator yet. Start the service once: mooring serve');
    const { id: userId, tenant_id: tenantId, name, subject } = user;
    return await store.transaction(async (tx) => {
      const createdAt = new Date();
      const lifeMs = Math.min(keyLifeMs, await longestLifeMs(tx, tenantId));
      const expiresAt = new Date(createdAt.getTime() + lifeMs).toISOString();
      const description = 'Made on the machine';
      const { row, token } = await issueKey(tx, keyring.hashToken, {
        ...{ tenantId, userId, description, createdBy: userId, createdAt, expiresAt },
      });
      await record(tx, {
        name: 'api-key.created',
        by: { tenantId, userId },
        resourceId: row.id,
        ownerId: userId,
        data: { madeOn: 'the machine, with mooring admin-key' },
      });
      return { token, expiresAt, user: { id: userId, name, subject } };
    });
  } finally {
    await store.close();
  }
}
