import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import type { listConnections } from '@mooring/contract/routes/list-data-connections';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Caller } from '../../../../core/access/caller.js';
import { isTenantAdministrator } from '../../../../core/access/tenant-administrator.js';
import type { Catalogue } from '../../../../core/catalogue/catalogue.js';
import { AppError } from '../../../../core/errors/app-error.js';
import { requiredText } from '../../../../core/filter/required-text.js';
import { type FilterColumns, scimCondition } from '../../../../core/filter/scim-filter.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import { collatedMax, collatorOf } from './collated-names.js';
import type { ListOrder, SortField } from './connection-store.js';
import { boundOf } from './name-hits.js';
import { countConnections } from './selected-rows.js';
import type { Selection } from './selection.js';

// What the query parameters of a list mean.

export type ListQuery = z.output<typeof listConnections.query>;

const localeDefault = 'en';

/** Attributes of a filter. `qType` has no column: it follows from the data source. */
function filterColumnsOf(catalogue: Catalogue): FilterColumns {
  const qType = sql`case connection.source_id ${sql.join(
    catalogue.all().map((manifest) => sql`when ${manifest.id} then ${qlikNamesOf(manifest).provider}`),
    sql` `,
  )} else '' end`;
  return {
    qname: { column: 'connection.name', kind: 'text' },
    qtype: { column: qType, kind: 'text' },
    datasourceid: { column: 'connection.source_id', kind: 'text' },
    created: { column: 'connection.created_at', kind: 'instant' },
    createdat: { column: 'connection.created_at', kind: 'instant' },
    updated: { column: 'connection.updated_at', kind: 'instant' },
    qri: { column: 'connection.qri', kind: 'text' },
  };
}

function filterOf(catalogue: Catalogue, text: string | undefined): Pick<Selection, 'filter' | 'bound'> {
  if (!text?.trim()) return {};
  const filter = scimCondition(text, filterColumnsOf(catalogue))();
  const required = requiredText(text, 'qName');
  const bound = required && boundOf(required);
  return { filter, ...(bound ? { bound } : {}) };
}

/** @throws AppError ACCESS-DENIED; InvalidRequest naming `filter` */
export async function selectionOf(
  catalogue: Catalogue,
  caller: Caller,
  query: ListQuery,
): Promise<Selection> {
  const { userId } = query;
  if (userId !== undefined && userId !== caller.userId && !isTenantAdministrator(caller))
    throw new AppError(
      'ACCESS-DENIED',
      "userId: only tenant administrators may list another user's connections.",
    );
  const ownerId = query.ownedByMe ? caller.userId : userId;
  const hidden = query.includeDisabled ? [] : [...(await catalogue.disabledIn(caller.tenantId))];
  return {
    caller,
    personal: query.personal ?? false,
    hiddenSources: hidden,
    ...(query.spaceId ? { spaceId: query.spaceId } : {}),
    ...(ownerId === undefined ? {} : { ownerId }),
    ...filterOf(catalogue, query.filter),
  };
}

/** The requested order. Only short lists are sorted by the locale: see `collated-names`. @throws InvalidRequest */
export async function orderOf(db: Queryable, query: ListQuery, selection: Selection): Promise<ListOrder> {
  const text = query.sort ?? '+created';
  const order: ListOrder = {
    field: text.replace(/^[+\- ]/, '') as SortField,
    isDescending: text.startsWith('-'),
  };
  if (order.field !== 'qName' || !query.caseinsensitive) return order;
  const locale = query.locale ?? localeDefault;
  collatorOf(locale);
  const isShort = (await countConnections(db, selection)) <= collatedMax;
  return { ...order, collation: isShort ? { locale } : 'folded' };
}
