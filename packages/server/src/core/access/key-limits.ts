import type { ApiKeysConfig } from '@mooring/contract/routes/api-keys';
import type { PatchBody } from '@mooring/contract/wire';
import { z } from 'zod';
import { invalidField } from '../errors/app-error.js';
import { parseInput } from '../input/tolerance.js';
import type { Queryable } from '../store/queryable.js';
import { writeSetting } from '../store/settings.js';

// A tenant's limits for API keys. Stored as a setting once an administrator has changed them.

const daysMax = 3650;

/**
 * Milliseconds of an ISO 8601 duration; a month counts 30 days and a year 365, as key lifetimes need no calendar.
 * @throws InvalidRequest naming `field`
 */
export function durationMs(text: string, field: string): number {
  const parts =
    /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$/.exec(
      text,
    );
  if (!parts) throw invalidField(field, 'must be an ISO 8601 duration, for instance P90D');
  const [years, months, weeks, days, hours, minutes, seconds] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  const dayCount = (years ?? 0) * 365 + (months ?? 0) * 30 + (weeks ?? 0) * 7 + (days ?? 0);
  const ms = (((dayCount * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  if (ms < 1000 || ms > daysMax * 86_400_000) {
    throw invalidField(field, `must be from one second to ${daysMax} days`);
  }
  return ms;
}

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
    if (op !== 'replace') throw invalidField(path, 'can only be replaced');
    if (path === '/max_keys_per_user') {
      changed.max_keys_per_user = parseInput(z.int().min(1).max(1000), value, path);
    } else if (path === '/max_api_key_expiry') {
      changed.max_api_key_expiry = parseInput(z.iso.duration(), value, path);
      durationMs(changed.max_api_key_expiry, path);
    } else {
      throw invalidField(path, 'cannot be changed here');
    }
  }
  return changed;
}

export const writeLimits = (tx: Queryable, tenantId: string, limits: ApiKeysConfig): Promise<void> =>
  writeSetting(tx, settingName(tenantId), JSON.stringify(limits));
