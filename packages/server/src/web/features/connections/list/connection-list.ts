import { listConnections } from '@mooring/contract/routes/data-connections';
import { type BoundRoute, bind } from '../../../http/handler.js';
import { listPage } from './list-page.js';
import { filterColumnsOf, selectionOf } from './list-query.js';
import type { ListedRowsDependencies } from './listed-rows.js';
import { readPageToken } from './page-token.js';
import { createWholeListSlots, wholeList } from './whole-list.js';

const pageMax = 100;

/** GET data-connections: by page with a limit or a page token, else the whole list. */
export function createConnectionList(deps: ListedRowsDependencies): BoundRoute {
  const slots = createWholeListSlots();
  const filterColumns = filterColumnsOf(deps.catalogue);
  return bind(listConnections, async ({ query }, { caller, request, reply }) => {
    const selection = await selectionOf({ catalogue: deps.catalogue, filterColumns }, caller, query);
    const token = query.page === undefined ? undefined : readPageToken(query.page);
    const limit = query.limit ?? (token ? pageMax : undefined);
    if (limit === undefined) return wholeList({ ...deps, slots }, query, selection, { request, reply });
    return listPage(deps, query, selection, { limit, token, requestUrl: request.url });
  });
}
