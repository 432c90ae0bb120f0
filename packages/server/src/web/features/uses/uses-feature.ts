import {
  exportUses,
  listCredentialUses,
  listUses,
  type UseReply,
  verifyUses,
} from '@mooring/contract/routes/uses';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { decideForAll, loadConnection, spaceFacts } from '../../../core/access/connection-access.js';
import { grantIn, isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { coarseUseSeconds, endToldCoarsely } from '../../../core/errors/coarse.js';
import type { Store } from '../../../core/store/store.js';
import type { RecordKeeper } from '../../../core/use-record/keeper.js';
import {
  cursorOf,
  type ListedUse,
  listUses as listFrom,
  positionAt,
  type UseFilter,
} from '../../../core/use-record/list.js';
import { hasHead, positionOf, verifyUses as prove } from '../../../core/use-record/verify.js';
import { type BoundRoute, bind, handled } from '../../http/handler.js';
import { sendLines } from './send-lines.js';

export interface UsesDependencies {
  store: Store;
  keeper: RecordKeeper;
  publicUrl: () => string;
  /** Time limit of a test: when it tells what it tells coarsely. */
  testSeconds: number;
}

const pageSize = 100;
const exportedAtOnce = 500;
/** Work of one request that verifies. */
const verifyMs = 1_500;

type Query = z.output<typeof exportUses.query>;

const isAuditor = (caller: Caller): boolean =>
  isAdministratorOf(caller, 'personal') || caller.roles.includes('AuditAdmin');

type ToldEnd = Pick<ListedUse, 'rowsGiven' | 'bytesGiven'> & { result: string };

/** Never what was asked for: its hash is for those who know it anyway, since others could try their guesses with it. */
function presented(row: ListedUse, caller: Caller, { result, rowsGiven, bytesGiven }: ToldEnd): UseReply {
  const isTheirs = row.user_id === caller.userId || row.credential_owner_id === caller.userId;
  const optional = {
    clientId: row.client_id,
    via: row.via_kind === null || row.via_id === null ? null : { kind: row.via_kind, id: row.via_id },
    keyId: row.via_id,
    invitedBy: row.invited_by,
    spaceId: row.space_id,
    credentialId: row.credential_id,
    credentialOwnerId: row.credential_owner_id,
    credentialVersion: row.credential_version,
    rows: rowsGiven,
    bytes: bytesGiven,
    whatHash: isTheirs ? row.what_hash : null,
  };
  return {
    at: row.at,
    userId: row.user_id ?? '',
    connectionId: row.connection_id ?? '',
    action: row.action ?? '',
    result,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== null),
    ) as Partial<UseReply>),
  };
}

/** The record of uses: who used what, for those it concerns; and the proof that it is whole. */
export function createUsesFeature({ store, keeper, publicUrl, testSeconds }: UsesDependencies): BoundRoute[] {
  /** @throws AppError for a space that is not theirs to look after */
  const assertLooksAfter = async (caller: Caller, spaceId: string): Promise<void> => {
    const space = await spaceFacts(store.db, caller, spaceId);
    if (space && (isAdministratorOf(caller, space.type) || grantIn(caller, space).delete === 'any')) return;
    const isSeen = space && grantIn(caller, space).see;
    if (!isSeen) throw new AppError('NOT-FOUND', 'spaceId: there is no such space, or you may not see it.');
    throw new AppError('ACCESS-DENIED', 'spaceId: this is for owners, facilitators and administrators.');
  };

  /** What of the record the caller may read: the widest that one of their rights gives. */
  const filterFor = async (caller: Caller, query: Query): Promise<UseFilter> => {
    const { connectionId, credentialId, userId, spaceId } = query;
    const instant = (text: string | undefined) => (text ? new Date(text).toISOString() : undefined);
    const filter = {
      ...{ tenantId: caller.tenantId, connectionId, credentialId, userId, spaceId },
      ...{ from: instant(query.from), to: instant(query.to) },
    };
    if (isAuditor(caller)) return filter;
    if (spaceId !== undefined) {
      await assertLooksAfter(caller, spaceId);
      return filter;
    }
    if (userId === caller.userId) return filter;
    if (connectionId !== undefined) {
      const found = await loadConnection(store.db, { ...caller }, { id: connectionId });
      if (found?.privileges.includes('update')) return filter;
    }
    return { ...filter, credentialOwnerId: caller.userId };
  };

  const whole = ({ outcome, rowsGiven, bytesGiven }: ListedUse): ToldEnd => ({
    ...{ result: outcome ?? 'started', rowsGiven, bytesGiven },
  });

  const toldCoarsely = (row: ListedUse, caller: Caller): ToldEnd => {
    const end = whole(row);
    const hasGiven = Number(row.rowsGiven ?? 0) + Number(row.bytesGiven ?? 0) > 0;
    const isTest = row.action === 'test' || row.action === 'rehearse-change';
    const toldAt = Date.parse(row.at) + (isTest ? testSeconds : coarseUseSeconds) * 1000;
    const isOwnLogin = row.credential_owner_id === caller.userId;
    const isTold = toldAt <= store.clock.now();
    const result = endToldCoarsely({ result: end.result, hasGiven, isOwnLogin, isTold });
    if (result === end.result) return end;
    const given = result !== undefined && hasGiven ? end : { rowsGiven: null, bytesGiven: null };
    return { ...given, result: result ?? 'started' };
  };

  /** Who may not edit a connection learns no more from the record than from a use. */
  const presentAll = async (caller: Caller, rows: readonly ListedUse[]): Promise<UseReply[]> => {
    if (rows.length === 0) return [];
    if (isAuditor(caller)) return rows.map((row) => presented(row, caller, whole(row)));
    const ids = [...new Set(rows.flatMap((row) => row.connection_id ?? []))];
    const connections = await store.db
      .selectFrom('connection')
      .select(['id', 'owner_id', 'space_id'])
      .where('tenant_id', '=', caller.tenantId)
      .where('id', 'in', ids)
      .execute();
    const decisions = await decideForAll(store.db, caller, connections);
    const edited = new Set(
      connections.filter((row) => decisions.get(row)?.privileges.includes('update')).map(({ id }) => id),
    );
    return rows.map((row) =>
      presented(row, caller, edited.has(row.connection_id ?? '') ? whole(row) : toldCoarsely(row, caller)),
    );
  };

  const page = async (
    caller: Caller,
    filter: UseFilter,
    query: { limit?: number | undefined; next?: string | undefined },
    requestUrl: string,
  ) => {
    const limit = query.limit ?? pageSize;
    const after =
      query.next === undefined ? undefined : await positionAt(store.db, caller.tenantId, query.next);
    const rows = await listFrom(store.db, filter, { after, order: 'latest first', limit: limit + 1 });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const next = new URL(`${publicUrl()}${requestUrl}`);
    if (last) next.searchParams.set('next', cursorOf(last));
    return {
      status: 200,
      body: {
        data: await presentAll(caller, shown),
        links: {
          self: { href: `${publicUrl()}${requestUrl}` },
          ...(rows.length > limit ? { next: { href: next.href } } : {}),
        },
      },
    };
  };

  async function* lines(caller: Caller, filter: UseFilter): AsyncGenerator<string> {
    let after: ListedUse | undefined;
    for (;;) {
      const rows = await listFrom(store.db, filter, { after, order: 'oldest first', limit: exportedAtOnce });
      const shown = await presentAll(caller, rows);
      if (shown.length > 0) yield shown.map((use) => `${JSON.stringify(use)}\n`).join('');
      if (rows.length < exportedAtOnce) return;
      after = rows.at(-1);
    }
  }

  const verify = bind(verifyUses, async ({ body }, { caller }) => {
    if (!caller.roles.includes('TenantAdmin') && !caller.roles.includes('AuditAdmin')) {
      throw new AppError('ACCESS-DENIED', 'This is for people with the role TenantAdmin or AuditAdmin.');
    }
    const next = body?.next === undefined ? undefined : positionOf(body.next);
    if (body?.next !== undefined && !next) {
      throw new InvalidRequest([{ field: 'next', message: 'is not the `next` of an earlier answer' }]);
    }
    const kept = await keeper.recordOf(caller.tenantId);
    const isUpToDate = await keeper.catchUp(kept);
    // So that the head that is told covers everything up to now.
    if (isUpToDate && !next) await keeper.checkpoint(kept);
    const keyOf = keeper.keyOf(caller.tenantId);
    const report = await prove({ db: store.db, kept, keyOf, isUpToDate, withinMs: verifyMs, next });
    const known = body?.head;
    if (!report.ok || !known || known.seq === 0) return { status: 200, body: report };
    const found = await hasHead(store.db, kept, known);
    if (found === 'no longer kept') {
      throw new InvalidRequest([
        {
          field: 'head',
          message: `is older than the record is kept; it begins with checkpoint ${kept.checkpoint.keptFrom}`,
        },
      ]);
    }
    if (found) return { status: 200, body: report };
    const broken = { seq: known.seq, problem: 'not the record of this head' };
    return { status: 200, body: { ...report, ok: false, done: true, broken } };
  });

  return [
    bind(listUses, async ({ query }, { caller, request }) =>
      page(caller, await filterFor(caller, query), query, request.url),
    ),
    bind(exportUses, async ({ query }, { caller, reply }) => {
      const filter = await filterFor(caller, query);
      await sendLines(reply, lines(caller, filter));
      return handled;
    }),
    bind(listCredentialUses, async ({ params, query }, { caller, request }) => {
      const credential = await store.db
        .selectFrom('credential')
        .select('id')
        .where('id', '=', params.qID.toLowerCase())
        .where('tenant_id', '=', caller.tenantId)
        .where('owner_id', '=', caller.userId)
        .executeTakeFirst();
      if (!credential) throw new AppError('NOT-FOUND', 'You have no such credential.');
      const filter = { tenantId: caller.tenantId, credentialId: credential.id };
      return page(caller, filter, query, request.url);
    }),
    verify,
  ];
}
