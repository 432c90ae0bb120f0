import {
  approveApiKey,
  deleteApiKey,
  getApiKey,
  getApiKeysConfig,
  listApiKeys,
  patchApiKey,
  patchApiKeysConfig,
} from '@mooring/contract/routes/api-keys';
import { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { assertOwnKey } from '../../../core/access/issue-key.js';
import { keyLimits, patchLimits, writeLimits } from '../../../core/access/key-limits.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { record } from '../../../core/audit/record.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import { bind } from '../../http/handler.js';
import { fetchPage, type ListOrder } from '../../http/keyset.js';
import { type ApiKeysDependencies, findKey, keysOf, presentKey, unknownKey } from './key-store.js';

const keyOrder: ListOrder = {
  sorts: { sub: 'user_id', createdByUser: 'created_by', description: 'description', created: 'created_at' },
  idColumn: 'id',
};

export const listKeys = ({ store, publicUrl }: ApiKeysDependencies) =>
  bind(listApiKeys, async ({ query }, { caller, request }) => {
    let statement = keysOf(store, caller);
    if (query.sub !== undefined) statement = statement.where('user_id', '=', query.sub);
    if (query.createdByUser !== undefined)
      statement = statement.where('created_by', '=', query.createdByUser);
    const at = store.clock.iso();
    if (query.status === 'revoked') statement = statement.where('revoked_at', 'is not', null);
    if (query.status === 'expired')
      statement = statement.where('revoked_at', 'is', null).where('expires_at', '<=', at);
    if (query.status === 'active') {
      statement = statement
        .where('revoked_at', 'is', null)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]));
    }
    const { shown, links } = await fetchPage(statement, query, keyOrder, publicUrl() + request.url);
    return { status: 200, body: { data: shown.map((row) => presentKey(row, at)), links } };
  });

export const showKey = ({ store }: ApiKeysDependencies) =>
  bind(getApiKey, async ({ params }, { caller }) => ({
    status: 200,
    body: presentKey(await findKey(store, caller, params.id), store.clock.iso()),
  }));

export const describeKey = ({ store }: ApiKeysDependencies) =>
  bind(patchApiKey, async ({ params, body }, { caller }) => {
    const row = await findKey(store, caller, params.id);
    let { description } = row;
    for (const { op, path, value } of body) {
      if (op !== 'replace' || path !== '/description') {
        throw invalidField(path, 'only /description can be replaced');
      }
      description = parseInput(z.string().max(256), value, path);
    }
    await store.transaction(async (tx) => {
      await tx
        .updateTable('api_key')
        .set({ description, updated_at: store.clock.iso() })
        .where('id', '=', row.id)
        .where('tenant_id', '=', row.tenant_id)
        .where('user_id', '=', row.user_id)
        .execute();
      await record(tx, { name: 'api-key.updated', by: caller, resourceId: row.id, ownerId: row.user_id });
    });
    return { status: 204 };
  });

export const revokeKey = ({ store, authenticator }: ApiKeysDependencies) =>
  bind(deleteApiKey, async ({ params }, { caller }) => {
    const row = await findKey(store, caller, params.id);
    await store.transaction(async (tx) => {
      const active = tx
        .updateTable('api_key')
        .set({ revoked_at: store.clock.iso() })
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
  });

function assertOwnTenant(caller: Caller, tenantId: string): void {
  if (tenantId !== caller.tenantId) throw new AppError('NOT-FOUND', 'There is no such tenant.');
}

export const showLimits = ({ store }: ApiKeysDependencies) =>
  bind(getApiKeysConfig, async ({ params }, { caller }) => {
    assertOwnTenant(caller, params.tenantId);
    return { status: 200, body: await keyLimits(store.db, caller.tenantId) };
  });

export const changeLimits = ({ store }: ApiKeysDependencies) =>
  bind(patchApiKeysConfig, async ({ params, body }, { caller }) => {
    assertOwnTenant(caller, params.tenantId);
    assertTenantAdministrator(caller, 'change the limits of API keys');
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
  });

/** "It was me": lets a key that came from an invitation reach what is older than it. */
export const approveKey = ({ store, authenticator }: ApiKeysDependencies) =>
  bind(approveApiKey, async ({ params }, { caller }) => {
    const asked = await store.db
      .selectFrom('api_key')
      .selectAll()
      .where('id', '=', params.id)
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    if (!asked) throw unknownKey();
    await assertOwnKey(store.db, caller);
    if (caller.wayIn?.reachesSince !== undefined) {
      throw new AppError(
        'ACCESS-DENIED',
        'This key awaits approval itself. Approve with a key that you had before the invitation.',
      );
    }
    if (asked.reaches_since !== null) {
      await store.transaction(async (tx) => {
        await tx
          .updateTable('api_key')
          .set({ reaches_since: null, updated_at: store.clock.iso() })
          .where('tenant_id', '=', asked.tenant_id)
          .where('user_id', '=', asked.user_id)
          .where('invitation_id', '=', asked.invitation_id)
          .execute();
        await record(tx, {
          name: 'api-key.approved',
          by: caller,
          resourceId: asked.id,
          ownerId: asked.user_id,
          data: { keyInvitedBy: asked.invited_by },
        });
      });
      authenticator.forget();
    }
    return { status: 200, body: presentKey(await findKey(store, caller, asked.id), store.clock.iso()) };
  });
