import type { Caller } from '../../../core/access/caller.js';
import { scimCondition } from '../../../core/filter/scim-filter.js';
import { type ListQuery, readList, turnPage } from '../../http/keyset.js';
import type { UsersDependencies } from './user-access.js';
import { presentUser } from './user-presenter.js';
import { filterColumns, userOrder } from './user-store.js';

type Query = ListQuery & { filter?: string | undefined; totalResults?: boolean | undefined };

/** A page of the users of the caller's tenant. */
export async function pageOfUsers(
  { store, publicUrl }: UsersDependencies,
  caller: Caller,
  query: Query,
  requestUrl: string,
) {
  const page = readList(query, userOrder);
  let matching = store.db.selectFrom('user').where('tenant_id', '=', caller.tenantId);
  if (query.filter) matching = matching.where(scimCondition(query.filter, filterColumns));
  const rows = await matching
    .selectAll()
    .where(page.condition)
    .orderBy(page.order)
    .limit(page.fetch)
    .execute();
  const { shown, links } = turnPage(page, rows, publicUrl(), requestUrl);
  const data = shown.map((row) => presentUser(row, publicUrl()));
  if (!query.totalResults) return { data, links };
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { data, links, totalResults: Number(total) };
}
