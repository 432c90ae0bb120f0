import {
  type ApiKeyReply,
  approveApiKey,
  createApiKey,
  deleteApiKey,
  getApiKey,
  getApiKeysConfig,
  listApiKeys,
  patchApiKey,
  patchApiKeysConfig,
} from '@mooring/contract/routes/api-keys';
import { z } from 'zod';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import {
  assertOwnKey,
  issueKey,
  keyLifeMs,
  longestLifeMs,
  type NewKey,
} from '../../../core/access/issue-key.js';
import { durationMs } from '../../../core/access/key-duration.js';
import { keyLimits, patchLimits, writeLimits } from '../../../core/access/key-limits.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { record } from '../../../core/audit/record.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { ApiKeyTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';

export interface ApiKeysDependencies {
  store: Store;
  authenticator: Authenticator;
  hashToken: HashToken;
  publicUrl: () => string;
  now?: () => Date;
}

/** How long a key goes on beside its successor. */
const overlapMs = 7 * 86_400_000;

const keyOrder: ListOrder = {
  sorts: { sub: 'user_id', createdByUser: 'created_by', description: 'description', created: 'created_at' },
  idColumn: 'id',
  sortDefault: '+id',
  limitDefault: 100,
};

/** The key that an operator chose has no end, and clients expect one. */
const neverEnds = '9999-12-31T23:59:59.999Z';

/** A key that is made with one that came from an invitation reaches as far as that one. */
const inherited = (parent: ApiKeyTable): Pick<NewKey, 'wayIn'> =>
  parent.invitation_id === null
    ? {}
    : {
        wayIn: {
          invitationId: parent.invitation_id,
          invitedBy: parent.invited_by,
          reachesSince: parent.reaches_since,
        },
      };

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
    ...(row.invited_by === null ? {} : { invitedBy: row.invited_by }),
    ...(row.reaches_since === null ? {} : { awaitsApproval: true }),
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

  /** When a key ends that is made with this one. */
  const endOf = async (tx: Tx, parent: ApiKeyTable, asked: string | undefined, at: Date): Promise<string> => {
    const longestMs = await longestLifeMs(tx, parent.tenant_id);
    const lifeMs = asked ? durationMs(asked, 'expiry') : Math.min(keyLifeMs, longestMs);
    if (lifeMs > longestMs) {
      const { max_api_key_expiry: longest } = await keyLimits(tx, parent.tenant_id);
      throw new InvalidRequest([{ field: 'expiry', message: `must be at most ${longest}` }]);
    }
    const end = new Date(at.getTime() + lifeMs).toISOString();
    if (parent.expires_at === null || end <= parent.expires_at) return end;
    if (asked === undefined) return parent.expires_at;
    throw new AppError(
      'ACCESS-DENIED',
      `expiry: a key makes none that outlives it, and this one ends at ${parent.expires_at}. Send successor: true for a key that takes its place, or ask an administrator for an invitation.`,
    );
  };

  /** The end of the one key that may take the place of this one: it lives as long as this one did. */
  const endOfSuccessor = async (tx: Tx, parent: ApiKeyTable, at: Date): Promise<string | null> => {
    if (parent.expires_at === null) return null;
    const spanMs = Date.parse(parent.expires_at) - Date.parse(parent.created_at);
    const longestMs = await longestLifeMs(tx, parent.tenant_id);
    return new Date(at.getTime() + Math.min(spanMs, longestMs)).toISOString();
  };

  /** @throws AppError CONFLICT when it has one already */
  const succeed = async (tx: Tx, parent: ApiKeyTable, successorId: string, at: Date): Promise<void> => {
    const latestEnd = new Date(at.getTime() + overlapMs).toISOString();
    const ends = parent.expires_at !== null && parent.expires_at < latestEnd ? parent.expires_at : latestEnd;
    const result = await tx
      .updateTable('api_key')
      .set({ successor_id: successorId, expires_at: ends, updated_at: at.toISOString() })
      .where('id', '=', parent.id)
      .where('tenant_id', '=', parent.tenant_id)
      .where('user_id', '=', parent.user_id)
      .where('successor_id', 'is', null)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    if (result.numUpdatedRows === 1n) return;
    throw new AppError('CONFLICT', 'successor: this key has its one successor already.');
  };

  const isStillThere = async ({ token }: Record<string, unknown>, caller: Caller): Promise<boolean> => {
    const key = await store.db
      .selectFrom('api_key')
      .select('id')
      .where('token_hash', '=', hashToken(String(token)))
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return key !== undefined;
  };

  const create = bind(
    createApiKey,
    async ({ body }, { caller }) => {
      if (body.sub !== undefined && body.sub.toLowerCase() !== caller.userId) {
        throw new AppError(
          'ACCESS-DENIED',
          'sub: nobody makes a key for another user. Invite them with POST /api/v1/invitations {"userId": …}; they make their own key with its link.',
        );
      }
      if (body.scopes && !administers(caller)) {
        throw new AppError('ACCESS-DENIED', 'scopes: only tenant administrators may make keys for metrics.');
      }
      if (body.successor && body.scopes) {
        throw new InvalidRequest([{ field: 'scopes', message: 'and successor cannot both be given' }]);
      }
      if (body.successor && body.expiry !== undefined) {
        throw new InvalidRequest([{ field: 'expiry', message: 'and successor cannot both be given' }]);
      }
      const at = now();
      const { row, token } = await store.transaction(async (tx) => {
        const parent = await assertOwnKey(tx, caller);
        const expiresAt = body.successor
          ? await endOfSuccessor(tx, parent, at)
          : await endOf(tx, parent, body.expiry, at);
        const issued = await issueKey(tx, hashToken, {
          tenantId: caller.tenantId,
          userId: caller.userId,
          description: body.description ?? '',
          createdBy: caller.userId,
          createdAt: at,
          expiresAt,
          scopes: body.scopes,
          ...inherited(parent),
        });
        if (body.successor) await succeed(tx, parent, issued.row.id, at);
        await record(tx, {
          name: 'api-key.created',
          by: caller,
          resourceId: issued.row.id,
          ownerId: caller.userId,
          data: { madeWith: parent.id, ...(body.successor ? { successor: true } : {}) },
        });
        return issued;
      });
      if (body.successor) authenticator.forget();
      return { status: 201, body: { ...present(row), token } };
    },
    isStillThere,
  );

  const approve = bind(approveApiKey, async ({ params }, { caller }) => {
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
          .set({ reaches_since: null, updated_at: now().toISOString() })
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
    return { status: 200, body: present(await find(caller, asked.id)) };
  });

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
    approve,
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
          .where('user_id', '=', row.user_id)
          .execute();
        await record(tx, { name: 'api-key.updated', by: caller, resourceId: row.id, ownerId: row.user_id });
      });
      return { status: 204 };
    }),
    bind(deleteApiKey, async ({ params }, { caller }) => {
      const row = await find(caller, params.id);
      await store.transaction(async (tx) => {
        const active = tx
          .updateTable('api_key')
          .set({ revoked_at: now().toISOString() })
          .where('tenant_id', '=', row.tenant_id)
          .where('user_id', '=', row.user_id)
          .where('revoked_at', 'is', null);
        const result = await active.where('id', '=', row.id).executeTakeFirst();
        if (result.numUpdatedRows !== 1n) throw unknownKey();
        // "It was not me" is said of the way in, so nothing stays that was made with it.
        if (row.reaches_since !== null) await active.where('invitation_id', '=', row.invitation_id).execute();
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
