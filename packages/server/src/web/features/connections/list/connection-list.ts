import { listConnections } from '@mooring/contract/routes/list-data-connections';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { type BoundRoute, bind, type Reply } from '../../../http/handler.js';
import type { ConnectionDependencies } from '../connection-dependencies.js';
import { keysetOf } from './connection-store.js';
import { type ListQuery, orderOf, selectionOf } from './list-query.js';
import { metaOf, presentRows, rowsOf } from './listed-rows.js';
import { type PageToken, readPageToken, writePageToken } from './page-token.js';
import { countConnections, type Selection } from './selection.js';
import { createWholeListSlots, wholeList } from './whole-list.js';

const pageMax = 100;

async function listPage(
  deps: ConnectionDependencies,
  query: ListQuery,
  selection: Selection,
  { limit, token, requestUrl }: { limit: number; token: PageToken | undefined; requestUrl: string },
): Promise<Reply> {
  const { db } = deps.store;
  const publicUrl = deps.publicUrl();
  const order = token?.order ?? (await orderOf(db, query, selection));
  const found = await rowsOf(db, selection, {
    order,
    ...(token ? { position: token } : {}),
    limit: limit + 1,
  });
  const hasMore = found.length > limit;
  const isBackwards = token?.direction === 'prev';
  const rows = hasMore && isBackwards ? found.slice(1) : found.slice(0, limit);
  const link = (direction: 'next' | 'prev', row: ConnectionTable | undefined) => {
    if (!row) return {};
    const url = new URL(`${publicUrl}${requestUrl.replace(/^\/+/, '/')}`);
    for (const name of [...url.searchParams.keys()])
      if (/^(page|limit|sort)$/i.test(name)) url.searchParams.delete(name);
    url.searchParams.set('limit', String(limit));
    url.searchParams.set('page', writePageToken({ direction, order, keyset: keysetOf(row, order) }));
    return { [direction]: { href: url.href } };
  };
  const { data, errors } = await presentRows(deps, selection.caller, rows, query);
  return {
    status: 200,
    body: {
      [query.dataName ?? 'data']: data,
      links: {
        self: { href: `${publicUrl}${requestUrl}` },
        ...(isBackwards || hasMore ? link('next', rows.at(-1)) : {}),
        ...((isBackwards && hasMore) || (token && !isBackwards) ? link('prev', rows[0]) : {}),
      },
      meta: metaOf(await countConnections(db, selection)),
      ...(errors.length > 0 ? { errors } : {}),
    },
  };
}

/** GET data-connections: by page with a limit or a page token, else the whole list. */
export function createConnectionList(deps: ConnectionDependencies): BoundRoute {
  const slots = createWholeListSlots();
  return bind(listConnections, async ({ query }, { caller, request, reply }) => {
    const selection = await selectionOf(deps.catalogue, caller, query);
    const token = query.page === undefined ? undefined : readPageToken(query.page);
    const limit = query.limit ?? (token ? pageMax : undefined);
    if (limit === undefined) return wholeList({ ...deps, slots }, query, selection, { request, reply });
    return listPage(deps, query, selection, { limit, token, requestUrl: request.url });
  });
}
