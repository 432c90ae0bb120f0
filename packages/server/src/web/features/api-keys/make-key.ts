import { createApiKey } from '@mooring/contract/routes/api-keys';
import type { Caller } from '../../../core/access/caller.js';
import {
  assertOwnKey,
  issueKey,
  keyLifeMs,
  longestLifeMs,
  type NewKey,
} from '../../../core/access/issue-key.js';
import { durationMs, keyLimits } from '../../../core/access/key-limits.js';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { record } from '../../../core/audit/record.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { ApiKeyTable } from '../../../core/store/tables.js';
import { bind, type Handler, type IsStillThere } from '../../http/handler.js';
import { type ApiKeysDependencies, presentKey } from './key-store.js';

type Asked = Parameters<Handler<typeof createApiKey>>[0]['body'];

/** How long a key remains valid beside its successor. */
const overlapMs = 7 * 86_400_000;

/** A key made with one that came from an invitation has the same reach. */
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

/** When a key expires that is made with `parent`. */
async function endOf(tx: Tx, parent: ApiKeyTable, asked: string | undefined, at: Date): Promise<string> {
  const longestMs = await longestLifeMs(tx, parent.tenant_id);
  const lifeMs = asked ? durationMs(asked, 'expiry') : Math.min(keyLifeMs, longestMs);
  if (lifeMs > longestMs) {
    const { max_api_key_expiry: longest } = await keyLimits(tx, parent.tenant_id);
    throw invalidField('expiry', `must be at most ${longest}`);
  }
  const end = new Date(at.getTime() + lifeMs).toISOString();
  if (parent.expires_at === null || end <= parent.expires_at) return end;
  if (asked === undefined) return parent.expires_at;
  throw new AppError(
    'ACCESS-DENIED',
    `expiry: a key cannot make one that outlives it, and this key expires at ${parent.expires_at}. Send successor: true for a key that replaces it, or ask an administrator for an invitation.`,
  );
}

/** When the one successor of `parent` expires: it is valid for as long as its parent was. */
async function endOfSuccessor(tx: Tx, parent: ApiKeyTable, at: Date): Promise<string | null> {
  if (parent.expires_at === null) return null;
  const spanMs = Date.parse(parent.expires_at) - Date.parse(parent.created_at);
  const longestMs = await longestLifeMs(tx, parent.tenant_id);
  return new Date(at.getTime() + Math.min(spanMs, longestMs)).toISOString();
}

/** @throws AppError CONFLICT when the key has a successor already */
async function succeed(tx: Tx, parent: ApiKeyTable, successorId: string, at: Date): Promise<void> {
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
  throw new AppError('CONFLICT', 'successor: this key already has a successor.');
}

/** @throws AppError ACCESS-DENIED, InvalidRequest */
function assertMayAsk(caller: Caller, body: Asked): void {
  if (body.sub !== undefined && body.sub.toLowerCase() !== caller.userId) {
    throw new AppError(
      'ACCESS-DENIED',
      'sub: you cannot make a key for another user. Invite them with POST /api/v1/invitations {"userId": …}; they make their own key with its link.',
    );
  }
  if (body.scopes && !isTenantAdministrator(caller)) {
    throw new AppError('ACCESS-DENIED', 'scopes: only tenant administrators may make keys for metrics.');
  }
  if (body.successor && body.scopes) {
    throw invalidField('scopes', 'and successor cannot both be given');
  }
  if (body.successor && body.expiry !== undefined) {
    throw invalidField('expiry', 'and successor cannot both be given');
  }
}

const isStillThere =
  ({ store, hashToken }: ApiKeysDependencies): IsStillThere =>
  async ({ token }, caller) => {
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

export const makeKey = (deps: ApiKeysDependencies) =>
  bind(
    createApiKey,
    async ({ body }, { caller }) => {
      assertMayAsk(caller, body);
      const { store, authenticator, hashToken } = deps;
      const at = new Date(store.clock.now());
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
      return { status: 201, body: { ...presentKey(row, at.toISOString()), token } };
    },
    isStillThere(deps),
  );
