import { ConnectorError } from '../../interface/errors.js';
import type { Path } from '../../interface/plan.js';
import type { BrowseRequest, Item, Page } from '../../interface/session.js';
import { browseColumns } from '../../kit/columns.js';
import { parseSpan } from '../../kit/json/spans.js';
import { lookup } from '../http/json-paths.js';
import type { Api, Collection, Listed } from './api.js';
import type { Listing } from './ask.js';
import { columnsOf } from './fields.js';
import { firstPage, hasNext, lookInto, openPages, spansOf } from './pages.js';
import { type Found, type Place, placeAt, resourceAt, urlOf } from './tree.js';

type List = (found: Found, size?: number) => Listing;

/** Where a listing continues: at one of the resources, or at a page of so many items. */
type Token = { from: number } | { page: number; size: number };

function tokenOf(text: string | undefined): Token {
  if (text === undefined) return { from: 0 };
  const [, from, page, size] = /^(?:(\d{1,6})|p(\d{1,6})\.([1-9]\d{0,5}))$/.exec(text) ?? [];
  if (from !== undefined) return { from: Number(from) };
  if (page !== undefined) return { page: Number(page), size: Number(size) };
  throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
}

const itemOf = (parents: Path, name: string, kind: Item['kind']): Item => ({
  ...{ name, kind, path: [...parents, name] },
  readable: kind === 'resource',
  container: true,
});

/** One page of the items that the API lists, by number: a user may not choose where a request goes. */
async function listPage(
  api: Api,
  { resources, listed }: Collection & { listed: Listed },
  { names, parents }: { names: Place['names']; parents: Path },
  { page, size, list }: { page: number; size: number; list: List },
): Promise<Page<Item>> {
  const { from, nameAt, of } = listed;
  const resource = resources[from];
  if (!resource) throw new Error(`there is no resource ${from}`);
  const listing = list({ url: urlOf(api, resource, names), resource: { ...resource, fields: [] } }, size);
  const first = new URL(listing.url);
  first.searchParams.set(api.size?.page ?? 'page', String(page));
  const { walk, page: answered } = await firstPage({ ...listing, url: first });
  const items: Item[] = [];
  let count = 0;
  for (const row of spansOf(answered)) {
    count += 1;
    const span = lookInto(answered.answer, () => lookup(row, nameAt));
    const name = span && lookInto(answered.answer, () => parseSpan(span));
    if (typeof name === 'string' && listed.names.test(name)) items.push(itemOf(parents, name, of));
  }
  // A page may be short in the midst of a list: services leave out what this login may not see.
  return hasNext(walk, answered, count) ? { items, next: `p${page + 1}.${size}` } : { items };
}

async function browseCollection(
  api: Api,
  { collection, names }: Pick<Place, 'collection' | 'names'>,
  { path, limit, page: text }: BrowseRequest,
  list: List,
): Promise<Page<Item>> {
  const { resources, listed }: Collection = collection;
  const token = tokenOf(text);
  const at = { names, parents: path };
  const sizeMax = Math.min(limit, api.size?.most ?? limit);
  if ('page' in token) {
    if (!listed || token.size > sizeMax || token.page === 0) return tokenOfElsewhere();
    return listPage(api, { resources, listed }, at, { ...token, list });
  }
  const all = Object.keys(resources);
  const shown = all.slice(token.from, token.from + limit).map((name) => itemOf(path, name, 'resource'));
  const seen = token.from + shown.length;
  if (seen < all.length) return { items: shown, next: String(seen) };
  if (!listed) return { items: shown };
  const left = limit - shown.length;
  if (left === 0) return { items: shown, next: String(seen) };
  const size = Math.min(left, sizeMax);
  const { items, next } = await listPage(api, { resources, listed }, at, { page: 1, size, list });
  return { items: [...shown, ...items], ...(next === undefined ? {} : { next }) };
}

function tokenOfElsewhere(): never {
  throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
}

/** Collections, resources and their columns. Columns of a declared resource are known without a request. */
export async function browseApi(api: Api, request: BrowseRequest, list: List): Promise<Page<Item>> {
  const place = placeAt(api, request.path);
  if (place.rest.length === 0) return browseCollection(api, place, request, list);
  const found = resourceAt(api, request.path);
  const { fields } = found.resource;
  const columns = fields ? columnsOf(fields) : (await openPages(list(found), 0)).found.columns;
  return browseColumns(columns, request.path, request);
}
