import { type ApiKeyReply, createApiKey, deleteApiKey, listApiKeys } from '@mooring/contract/routes/api-keys';
import type { Authenticator } from '../../access/authenticate.js';
import { isAdministratorOf } from '../../access/matrix.js';
import { newApiKeyToken } from '../../access/token.js';
import { AppError, InvalidRequest } from '../../http/app-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { nextLink, readPage } from '../../http/page.js';
import type { Store } from '../../store/store.js';
import type { ApiKeyTable } from '../../store/tables.js';
import { sha256 } from '../../vault/digest.js';
import { newUuid } from '../../vault/random.js';

export interface ApiKeysDependencies {
  store: Store;
  authenticator: Authenticator;
  publicUrl: () => string;
  now?: () => Date;
}

const expiryDefault = 'P365D';
const expiryDaysMax = 3650;

/** Milliseconds of an ISO 8601 duration; a month counts 30 days and a year 365, as key lifetimes need no calendar. */
function durationMs(text: string): number {
  const parts =
    /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$/.exec(
      text,
    );
  if (!parts)
    throw new InvalidRequest([
      { field: 'expiry', message: 'must be an ISO 8601 duration, for instance P90D' },
    ]);
  const [years, months, weeks, days, hours, minutes, seconds] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  const dayCount = (years ?? 0) * 365 + (months ?? 0) * 30 + (weeks ?? 0) * 7 + (days ?? 0);
  const ms = (((dayCount * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  if (ms < 1000 || ms > expiryDaysMax * 86_400_000) {
    throw new InvalidRequest([
      { field: 'expiry', message: `must be from one second to ${expiryDaysMax} days` },
    ]);
  }
  return ms;
}

export function createApiKeysFeature(deps: ApiKeysDependencies): BoundRoute[] {
  const { store, authenticator, publicUrl } = deps;
  const now = deps.now ?? (() => new Date());

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
    lastUpdated: row.revoked_at ?? row.created_at,
    createdByUser: row.created_by,
    ...(row.expires_at === null ? {} : { expiry: row.expires_at }),
  });

  return [
    bind(listApiKeys, async ({ query }, { caller, request }) => {
      const page = readPage(query, 100);
      let statement = store.db.selectFrom('api_key').selectAll().where('tenant_id', '=', caller.tenantId);
      const isAdministrator = isAdministratorOf(caller, 'personal');
      if (!isAdministrator) statement = statement.where('user_id', '=', caller.userId);
      if (query.sub !== undefined) statement = statement.where('user_id', '=', query.sub);
      const at = now().toISOString();
      if (query.status === 'revoked') statement = statement.where('revoked_at', 'is not', null);
      if (query.status === 'expired')
        statement = statement.where('revoked_at', 'is', null).where('expires_at', '<=', at);
      if (query.status === 'active') {
        statement = statement
          .where('revoked_at', 'is', null)
          .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]));
      }
      if (page.afterId !== undefined) statement = statement.where('id', '>', page.afterId);
      const rows = await statement
        .orderBy('id')
        .limit(page.limit + 1)
        .execute();
      const shown = rows.slice(0, page.limit);
      const links = nextLink(
        publicUrl(),
        request.url,
        rows.length > page.limit ? shown.at(-1)?.id : undefined,
      );
      return { status: 200, body: { data: shown.map(present), links } };
    }),
    bind(createApiKey, async ({ body }, { caller }) => {
      const userId = body.sub ?? caller.userId;
      if (userId !== caller.userId && !isAdministratorOf(caller, 'personal')) {
        throw new AppError(
          'ACCESS-DENIED',
          'sub: only tenant administrators may make keys for somebody else.',
        );
      }
      const user = await store.db
        .selectFrom('user')
        .select('id')
        .where('id', '=', userId)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirst();
      if (!user) throw new AppError('NOT-FOUND', 'sub: there is no such person.');
      const token = newApiKeyToken();
      const at = now();
      const row: ApiKeyTable = {
        id: newUuid(),
        tenant_id: caller.tenantId,
        user_id: userId,
        token_hash: sha256(token),
        description: body.description ?? '',
        created_by: caller.userId,
        created_at: at.toISOString(),
        expires_at: new Date(at.getTime() + durationMs(body.expiry ?? expiryDefault)).toISOString(),
        revoked_at: null,
      };
      await store.db.insertInto('api_key').values(row).execute();
      return { status: 201, body: { ...present(row), token } };
    }),
    bind(deleteApiKey, async ({ params }, { caller }) => {
      let statement = store.db
        .updateTable('api_key')
        .set({ revoked_at: now().toISOString() })
        .where('id', '=', params.id)
        .where('tenant_id', '=', caller.tenantId)
        .where('revoked_at', 'is', null);
      if (!isAdministratorOf(caller, 'personal')) statement = statement.where('user_id', '=', caller.userId);
      const result = await statement.executeTakeFirst();
      if (result.numUpdatedRows !== 1n) throw new AppError('NOT-FOUND', 'You have no such API key.');
      authenticator.forget();
      return { status: 204 };
    }),
  ];
}
