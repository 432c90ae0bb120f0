import type { exportUses } from '@mooring/contract/routes/uses';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { loadConnection, spaceFacts } from '../../../core/access/connection-access.js';
import { grantIn, isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import {
  cursorOf,
  type ListedUse,
  listUses,
  positionAt,
  type UseFilter,
} from '../../../core/usage-log/list.js';
import type { ListQuery } from '../../http/keyset.js';
import { isAuditor, presentUses, type UsesDependencies } from './use-presenter.js';

type Query = z.output<typeof exportUses.query>;

const pageSize = 100;
const exportedAtOnce = 500;

/** @throws AppError NOT-FOUND, ACCESS-DENIED unless the caller looks after the space */
async function assertLooksAfter(store: Store, caller: Caller, spaceId: string): Promise<void> {
  const space = await spaceFacts(store.db, caller, spaceId);
  if (space && (isAdministratorOf(caller, space.type) || grantIn(caller, space).delete === 'any')) return;
  const isSeen = space && grantIn(caller, space).see;
  if (!isSeen) throw new AppError('NOT-FOUND', 'spaceId: there is no such space, or you may not see it.');
  throw new AppError(
    'ACCESS-DENIED',
    'spaceId: only owners, facilitators and administrators of the space may see its uses.',
  );
}

/** The part of the log that the caller may read, by the widest of their rights. */
export async function filterFor(store: Store, caller: Caller, query: Query): Promise<UseFilter> {
  const { connectionId, credentialId, userId, spaceId } = query;
  const instant = (text: string | undefined) => (text ? new Date(text).toISOString() : undefined);
  const filter = {
    ...{ tenantId: caller.tenantId, connectionId, credentialId, userId, spaceId },
    ...{ from: instant(query.from), to: instant(query.to) },
  };
  if (isAuditor(caller)) return filter;
  if (spaceId !== undefined) {
    await assertLooksAfter(store, caller, spaceId);
    return filter;
  }
  if (userId === caller.userId) return filter;
  if (connectionId !== undefined) {
    const found = await loadConnection(store.db, caller, { id: connectionId });
    if (found?.privileges.includes('update')) return filter;
  }
  return { ...filter, credentialOwnerId: caller.userId };
}

/** One page, latest first. @param self of the last object: absolute URL of the request */
export async function usePage(
  deps: UsesDependencies,
  caller: Caller,
  filter: UseFilter,
  { limit = pageSize, next, self }: Pick<ListQuery, 'limit' | 'next'> & { self: string },
) {
  const { db } = deps.store;
  const after = next === undefined ? undefined : await positionAt(db, caller.tenantId, next);
  const rows = await listUses(db, filter, { after, order: 'latest first', limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextUrl = new URL(self);
  if (last) nextUrl.searchParams.set('next', cursorOf(last));
  const links = { self: { href: self }, ...(rows.length > limit ? { next: { href: nextUrl.href } } : {}) };
  return { status: 200, body: { data: await presentUses(deps, caller, shown), links } };
}

/** Everything, oldest first, as lines of JSON. */
export async function* exportedUses(
  deps: UsesDependencies,
  caller: Caller,
  filter: UseFilter,
): AsyncGenerator<string> {
  let after: ListedUse | undefined;
  for (;;) {
    const page = { after, order: 'oldest first' as const, limit: exportedAtOnce };
    const rows = await listUses(deps.store.db, filter, page);
    const shown = await presentUses(deps, caller, rows);
    if (shown.length > 0) yield shown.map((use) => `${JSON.stringify(use)}\n`).join('');
    if (rows.length < exportedAtOnce) return;
    after = rows.at(-1);
  }
}
