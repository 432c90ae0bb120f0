import type { ConnectionTable } from '../../../../core/store/tables.js';
import type { Reply } from '../../../http/handler.js';
import { keysetOf, type ListOrder } from './connection-store.js';
import { type ListQuery, orderOf } from './list-query.js';
import { type ListedRowsDependencies, presentRows, rowsOf } from './listed-rows.js';
import { type PageToken, writePageToken } from './page-token.js';
import { countConnections, type Selection } from './selection.js';

/** Above this, a count costs more than it is worth, so the list has none. */
const countMax = 10_000;

export const metaOf = (count: number) => (count > countMax ? {} : { count });

interface ListedPage {
  limit: number;
  token: PageToken | undefined;
  order: ListOrder;
  rows: readonly ConnectionTable[];
  /** There are rows beyond these, in reading direction. */
  hasMore: boolean;
}

function linksOf(publicUrl: string, requestUrl: string, { limit, token, order, rows, hasMore }: ListedPage) {
  const isBackwards = token?.direction === 'prev';
  const link = (direction: 'next' | 'prev', row: ConnectionTable | undefined) => {
    if (!row) return {};
    const url = new URL(`${publicUrl}${requestUrl.replace(/^\/+/, '/')}`);
    for (const name of [...url.searchParams.keys()])
      if (/^(page|limit|sort)$/i.test(name)) url.searchParams.delete(name);
    url.searchParams.set('limit', String(limit));
    url.searchParams.set('page', writePageToken({ direction, order, keyset: keysetOf(row, order) }));
    return { [direction]: { href: url.href } };
  };
  return {
    self: { href: `${publicUrl}${requestUrl}` },
    ...(isBackwards || hasMore ? link('next', rows.at(-1)) : {}),
    ...((isBackwards && hasMore) || (token && !isBackwards) ? link('prev', rows[0]) : {}),
  };
}

/** One page of a list. */
export async function listPage(
  deps: ListedRowsDependencies,
  query: ListQuery,
  selection: Selection,
  { limit, token, requestUrl }: { limit: number; token: PageToken | undefined; requestUrl: string },
): Promise<Reply> {
  const { db } = deps.store;
  const order = token?.order ?? (await orderOf(db, query, selection));
  const found = await rowsOf(db, selection, {
    order,
    ...(token ? { position: { keyset: token.keyset, direction: token.direction } } : {}),
    limit: limit + 1,
  });
  const hasMore = found.length > limit;
  const withoutSurplus = token?.direction === 'prev' ? found.slice(1) : found.slice(0, limit);
  const rows = hasMore ? withoutSurplus : found;
  const { data, errors } = await presentRows(deps, selection.caller, rows, query.includeQris ?? false);
  return {
    status: 200,
    body: {
      [query.dataName ?? 'data']: data,
      links: linksOf(deps.publicUrl(), requestUrl, { limit, token, order, rows, hasMore }),
      meta: metaOf(await countConnections(db, selection)),
      ...(errors.length > 0 ? { errors } : {}),
    },
  };
}
