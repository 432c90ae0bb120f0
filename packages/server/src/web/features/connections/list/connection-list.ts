import { listConnections } from '@mooring/contract/routes/list-data-connections';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { clientSignal } from '../../../http/client-signal.js';
import { type BoundRoute, bind, type Reply, type RequestScope } from '../../../http/handler.js';
import type { ConnectionDependencies } from '../connection-dependencies.js';
import { keysetOf } from './connection-store.js';
import { type ListQuery, orderOf, selectionOf } from './list-query.js';
import { metaOf, presentRows, rowsOf } from './listed-rows.js';
import { type PageToken, readPageToken, writePageToken } from './page-token.js';
import { createListReads, type ReadList } from './searches.js';
import { countConnections } from './selected-rows.js';
import { isSearch, type Selection } from './selection.js';
import { createWholeListSlots, wholeList } from './whole-list.js';

const pageMax = 100;

interface PageRequest extends Pick<RequestScope, 'request'> {
  signal: AbortSignal | undefined;
  limit: number;
  token: PageToken | undefined;
}

async function listPage(
  deps: ConnectionDependencies & { read: ReadList },
  query: ListQuery,
  selection: Selection,
  { limit, token, request, signal }: PageRequest,
): Promise<Reply> {
  const publicUrl = deps.publicUrl();
  const requestUrl = request.url;
  const { order, found, count } = await deps.read(selection, signal, async (db) => {
    const order = token?.order ?? (await orderOf(db, query, selection));
    const position = token ? { position: token } : {};
    const found = await rowsOf(db, selection, { order, ...position, limit: limit + 1 });
    return { order, found, count: await countConnections(db, selection) };
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
      meta: metaOf(count),
      ...(errors.length > 0 ? { errors } : {}),
    },
  };
}

/** GET data-connections: by page with a limit or a page token, else the whole list. */
export function createConnectionList(deps: ConnectionDependencies): BoundRoute {
  const slots = createWholeListSlots();
  const read = createListReads(deps.store);
  return bind(listConnections, async ({ query }, { caller, request, reply }) => {
    const selection = await selectionOf(deps.catalogue, caller, query);
    const token = query.page === undefined ? undefined : readPageToken(query.page);
    const limit = query.limit ?? (token ? pageMax : undefined);
    if (limit === undefined) return wholeList({ ...deps, slots, read }, query, selection, { request, reply });
    const signal = isSearch(selection) ? clientSignal(request, reply) : undefined;
    return listPage({ ...deps, read }, query, selection, { limit, token, request, signal });
  });
}
