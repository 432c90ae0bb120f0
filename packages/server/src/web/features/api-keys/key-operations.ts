import type {
  deleteApiKey,
  getApiKeysConfig,
  listApiKeys,
  patchApiKey,
  patchApiKeysConfig,
} from '@mooring/contract/routes/api-keys';
import { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { keyLimits, patchLimits, writeLimits } from '../../../core/access/key-limits.js';
import { record } from '../../../core/audit/record.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Handler } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import {
  type ApiKeysDependencies,
  administers,
  findKey,
  keysOf,
  presentKey,
  unknownKey,
} from './key-store.js';

const keyOrder: ListOrder = {
  sorts: { sub: 'user_id', createdByUser: 'created_by', description: 'description', created: 'created_at' },
  idColumn: 'id',
  sortDefault: '+id',
  limitDefault: 100,
};

export const listKeys =
  ({ store, publicUrl, now }: ApiKeysDependencies): Handler<typeof listApiKeys> =>
  async ({ query }, { caller, request }) => {
    const page = readList(query, keyOrder);
    let statement = keysOf(store, caller);
    if (query.sub !== undefined) statement = statement.where('user_id', '=', query.sub);
    if (query.createdByUser !== undefined)
      statement = statement.where('created_by', '=', query.createdByUser);
    const at = now().toISOString();
    if (query.status === 'revoked') statement = statement.where('revoked_at', 'is not', null);
    if (query.status === 'expired')
      statement = statement.where('revoked_at', 'is', null).where('expires_at', '<=', at);
    if (query.status === 'active') {
      statement = statement
        .where('revoked_at', 'is', null)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]));
    }
    const rows = await statement.where(page.condition).orderBy(page.order).limit(page.fetch).execute();
    const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
    return { status: 200, body: { data: shown.map((row) => presentKey(row, now())), links } };
  };

export const describeKey =
  ({ store, now }: ApiKeysDependencies): Handler<typeof patchApiKey> =>
  async ({ params, body }, { caller }) => {
    const row = await findKey(store, caller, params.id);
    let { description } = row;
    for (const { op, path, value } of body) {
      if (op !== 'replace' || path !== '/description') {
        throw new InvalidRequest([{ field: path, message: 'only /description can be replaced' }]);
      }
      description = parseInput(z.string().max(256), value, path);
    }
    await store.transaction(async (tx) => {
      await tx
        .updateTable('api_key')
        .set({ description, updated_at: now().toISOString() })
        .where('id', '=', row.id)
        .where('tenant_id', '=', row.tenant_id)
        .where('user_id', '=', row.user_id)
        .execute();
      await record(tx, { name: 'api-key.updated', by: caller, resourceId: row.id, ownerId: row.user_id });
    });
    return { status: 204 };
  };

export const revokeKey =
  ({ store, authenticator, now }: ApiKeysDependencies): Handler<typeof deleteApiKey> =>
  async ({ params }, { caller }) => {
    const row = await findKey(store, caller, params.id);
    await store.transaction(async (tx) => {
      const active = tx
        .updateTable('api_key')
        .set({ revoked_at: now().toISOString() })
        .where('tenant_id', '=', row.tenant_id)
        .where('user_id', '=', row.user_id)
        .where('revoked_at', 'is', null);
      const result = await active.where('id', '=', row.id).executeTakeFirst();
      if (result.numUpdatedRows !== 1n) throw unknownKey();
      // "It was not me" is about the invitation, so everything made through it is revoked.
      if (row.reaches_since !== null) await active.where('invitation_id', '=', row.invitation_id).execute();
      await record(tx, { name: 'api-key.revoked', by: caller, resourceId: row.id, ownerId: row.user_id });
    });
    authenticator.forget();
    return { status: 204 };
  };

function assertOwnTenant(caller: Caller, tenantId: string): void {
  if (tenantId !== caller.tenantId) throw new AppError('NOT-FOUND', 'There is no such tenant.');
}

export const showLimits =
  ({ store }: ApiKeysDependencies): Handler<typeof getApiKeysConfig> =>
  async ({ params }, { caller }) => {
    assertOwnTenant(caller, params.tenantId);
    return { status: 200, body: await keyLimits(store.db, caller.tenantId) };
  };

export const changeLimits =
  ({ store }: ApiKeysDependencies): Handler<typeof patchApiKeysConfig> =>
  async ({ params, body }, { caller }) => {
    assertOwnTenant(caller, params.tenantId);
    if (!administers(caller)) {
      throw new AppError('ACCESS-DENIED', 'Only tenant administrators may change the limits of API keys.');
    }
    await store.transaction(async (tx) => {
      const limits = patchLimits(await keyLimits(tx, caller.tenantId), body);
      await writeLimits(tx, caller.tenantId, limits);
      await record(tx, {
        name: 'api-key.updated',
        by: caller,
        resourceId: caller.tenantId,
        data: { ...limits },
      });
    });
    return { status: 204 };
  };
