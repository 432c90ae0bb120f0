import {
  type ApiKeyReply,
  createApiKey,
  deleteApiKey,
  getApiKey,
  getApiKeysConfig,
  listApiKeys,
  patchApiKey,
  patchApiKeysConfig,
} from '@mooring/contract/routes/api-keys';
import { z } from 'zod';
import type { Authenticator } from '../../access/authenticate.js';
import { isAdministratorOf } from '../../access/matrix.js';
import { newApiKeyToken } from '../../access/token.js';
import { record } from '../../audit/record.js';
import { AppError, InvalidRequest } from '../../http/app-error.js';
import { type BoundRoute, bind, type Caller } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { parseInput } from '../../http/tolerance.js';
import type { Store, Tx } from '../../store/store.js';
import type { ApiKeyTable } from '../../store/tables.js';
import { newUuid } from '../../vault/random.js';
import type { HashToken } from '../../vault/token-hashes.js';
import { durationMs } from './key-duration.js';
import { keyLimits, patchLimits, writeLimits } from './key-limits.js';

export interface ApiKeysDependencies {
  store: Store;
  authenticator: Authenticator;
  hashToken: HashToken;
  publicUrl: () => string;
  now?: () => Date;
}

const lifeDefaultMs = 365 * 86_400_000;

const keyOrder: ListOrder = {
  sorts: { sub: 'user_id', createdByUser: 'created_by', description: 'description', created: 'created_at' },
  idColumn: 'id',
  sortDefault: '+id',
  limitDefault: 100,
};

/** The key that an operator chose has no end, and clients expect one. */
const neverEnds = '9999-12-31T23:59:59.999Z';

const unknownKey = () => new AppError('NOT-FOUND', 'You have no such API key.');

/** API keys: made, shown without their token, described and revoked. */
export function createApiKeysFeature(deps: ApiKeysDependencies): BoundRoute[] {
  const { store, authenticator, hashToken, publicUrl } = deps;
  const now = deps.now ?? (() => new Date());
  const administers = (caller: Caller) => isAdministratorOf(caller, 'personal');

  const statusOf = (row: ApiKeyTable): ApiKeyReply['status'] => {
    if (row.revoked_at !== null) return 'revoked';
    return row.expires_at !== null && row.expires_at <= now().toISOString() ? 'expired' : 'active';
  };

  const present = (row: ApiKeyTable): ApiKeyReply => ({
    id: row.id,
    tenantId: row.tenant_id,
    description: row.description,
    sub: row.user_id,
    subType: 'user',
    status: statusOf(row),
    created: row.created_at,
    lastUpdated: row.revoked_at ?? row.updated_at ?? row.created_at,
    createdByUser: row.created_by,
    ...(row.scopes === null ? {} : { scopes: JSON.parse(row.scopes) as ApiKeyReply['scopes'] }),
    expiry: row.expires_at ?? neverEnds,
  });

  const keysOf = (caller: Caller) => {
    const statement = store.db.selectFrom('api_key').selectAll().where('tenant_id', '=', caller.tenantId);
    return administers(caller) ? statement : statement.where('user_id', '=', caller.userId);
  };

  const find = async (caller: Caller, id: string): Promise<ApiKeyTable> => {
    const row = await keysOf(caller).where('id', '=', id).executeTakeFirst();
    if (!row) throw unknownKey();
    return row;
  };

  const insert = async (tx: Tx, row: ApiKeyTable): Promise<void> => {
    const { max_keys_per_user: most } = await keyLimits(tx, row.tenant_id);
    const { active } = await tx
      .selectFrom('api_key')
      .select((eb) => eb.fn.countAll<number>().as('active'))
      .where('user_id', '=', row.user_id)
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', row.created_at)]))
      .executeTakeFirstOrThrow();
    if (Number(active) >= most) {
      throw new AppError('CONFLICT', `A person may have ${most} active keys. Revoke one first.`);
    }
    await tx.insertInto('api_key').values(row).execute();
  };

  const list = bind(listApiKeys, async ({ query }, { caller, request }) => {
    const page = readList(query, keyOrder);
    let statement = keysOf(caller);
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
    return { status: 200, body: { data: shown.map(present), links } };
  });

  const isStillThere = async ({ token }: Record<string, unknown>, caller: Caller): Promise<boolean> => {
    const key = await store.db
      .selectFrom('api_key')
      .select('id')
      .where('token_hash', '=', hashToken(String(token)))
      .where('tenant_id', '=', caller.tenantId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return key !== undefined;
  };

  const create = bind(
    createApiKey,
    async ({ body }, { caller }) => {
      const userId = body.sub ?? caller.userId;
      if (userId !== caller.userId && !administers(caller)) {
        throw new AppError(
          'ACCESS-DENIED',
          'sub: only tenant administrators may make keys for somebody else.',
        );
      }
      if (body.scopes && !administers(caller)) {
        throw new AppError('ACCESS-DENIED', 'scopes: only tenant administrators may make keys for metrics.');
      }
      const user = await store.db
        .selectFrom('user')
        .select('id')
        .where('id', '=', userId)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirst();
      if (!user) throw new AppError('NOT-FOUND', 'sub: there is no such person.');
      const limits = await keyLimits(store.db, caller.tenantId);
      const longestMs = durationMs(limits.max_api_key_expiry, 'expiry');
      const lifeMs = body.expiry ? durationMs(body.expiry, 'expiry') : Math.min(lifeDefaultMs, longestMs);
      if (lifeMs > longestMs) {
        throw new InvalidRequest([
          { field: 'expiry', message: `must be at most ${limits.max_api_key_expiry}` },
        ]);
      }
      const token = newApiKeyToken();
      const at = now();
      const row: ApiKeyTable = {
        id: newUuid(),
        tenant_id: caller.tenantId,
        user_id: userId,
        token_hash: hashToken(token),
        description: body.description ?? '',
        created_by: caller.userId,
        created_at: at.toISOString(),
        updated_at: null,
        expires_at: new Date(at.getTime() + lifeMs).toISOString(),
        revoked_at: null,
        scopes: body.scopes ? JSON.stringify(body.scopes) : null,
      };
      await store.transaction(async (tx) => {
        await insert(tx, row);
        await record(tx, { name: 'api-key.created', by: caller, resourceId: row.id, ownerId: userId });
      });
      return { status: 201, body: { ...present(row), token } };
    },
    isStillThere,
  );

  const ownTenant = (caller: Caller, tenantId: string): void => {
    if (tenantId !== caller.tenantId) throw new AppError('NOT-FOUND', 'There is no such tenant.');
  };

  return [
    list,
    create,
    bind(getApiKey, async ({ params }, { caller }) => ({
      status: 200,
      body: present(await find(caller, params.id)),
    })),
    bind(patchApiKey, async ({ params, body }, { caller }) => {
      const row = await find(caller, params.id);
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
          .execute();
        await record(tx, { name: 'api-key.updated', by: caller, resourceId: row.id, ownerId: row.user_id });
      });
      return { status: 204 };
    }),
    bind(deleteApiKey, async ({ params }, { caller }) => {
      const row = await find(caller, params.id);
      await store.transaction(async (tx) => {
        const result = await tx
          .updateTable('api_key')
          .set({ revoked_at: now().toISOString() })
          .where('id', '=', row.id)
          .where('tenant_id', '=', row.tenant_id)
          .where('revoked_at', 'is', null)
          .executeTakeFirst();
        if (result.numUpdatedRows !== 1n) throw unknownKey();
        await record(tx, { name: 'api-key.revoked', by: caller, resourceId: row.id, ownerId: row.user_id });
      });
      authenticator.forget();
      return { status: 204 };
    }),
    bind(getApiKeysConfig, async ({ params }, { caller }) => {
      ownTenant(caller, params.tenantId);
      return { status: 200, body: await keyLimits(store.db, caller.tenantId) };
    }),
    bind(patchApiKeysConfig, async ({ params, body }, { caller }) => {
      ownTenant(caller, params.tenantId);
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
    }),
  ];
}
