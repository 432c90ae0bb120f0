import type { ApiKeysConfig } from '@mooring/contract/routes/api-keys';
import type { PatchBody } from '@mooring/contract/wire';
import { z } from 'zod';
import { InvalidRequest } from '../errors/app-error.js';
import { parseInput } from '../input/tolerance.js';
import type { Queryable } from '../store/queryable.js';
import { daysMax, durationMs } from './key-duration.js';

// A tenant's limits for API keys. Stored as a setting once an administrator has changed them.

const limitsDefault: ApiKeysConfig = { max_api_key_expiry: `P${daysMax}D`, max_keys_per_user: 1000 };

const settingName = (tenantId: string) => `api-keys:${tenantId}`;

export async function keyLimits(db: Queryable, tenantId: string): Promise<ApiKeysConfig> {
  const row = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', settingName(tenantId))
    .executeTakeFirst();
  return row ? { ...limitsDefault, ...(JSON.parse(row.value) as Partial<ApiKeysConfig>) } : limitsDefault;
}

/** @throws InvalidRequest naming the path */
export function patchLimits(limits: ApiKeysConfig, patch: PatchBody): ApiKeysConfig {
  const changed = { ...limits };
  for (const { op, path, value } of patch) {
    if (op !== 'replace') throw new InvalidRequest([{ field: path, message: 'can only be replaced' }]);
    if (path === '/max_keys_per_user') {
      changed.max_keys_per_user = parseInput(z.int().min(1).max(1000), value, path);
    } else if (path === '/max_api_key_expiry') {
      changed.max_api_key_expiry = parseInput(z.iso.duration(), value, path);
      durationMs(changed.max_api_key_expiry, path);
    } else {
      throw new InvalidRequest([{ field: path, message: 'cannot be changed here' }]);
    }
  }
  return changed;
}

export async function writeLimits(tx: Queryable, tenantId: string, limits: ApiKeysConfig): Promise<void> {
  const value = JSON.stringify(limits);
  await tx
    .insertInto('setting')
    .values({ name: settingName(tenantId), value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
