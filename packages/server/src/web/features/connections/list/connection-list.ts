import { type ErrorItem, errorTable } from '@mooring/contract/errors';
import { type ConnectionReply, listConnections } from '@mooring/contract/routes/data-connections';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Caller } from '../../../../core/access/caller.js';
import { decideForAll } from '../../../../core/access/connection-access.js';
import { isAdministratorOf } from '../../../../core/access/matrix.js';
import type { Catalogue } from '../../../../core/catalogue/catalogue.js';
import { credentialsShownTo } from '../../../../core/credentials/resolve.js';
import { AppError } from '../../../../core/errors/app-error.js';
import { type FilterColumns, scimCondition } from '../../../../core/filter/scim-filter.js';
import { createSlots } from '../../../../core/isolation/slots.js';
import type { Store } from '../../../../core/store/store.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { clientSignal } from '../../../http/client-signal.js';
import { type BoundRoute, bind, type Reply, type RequestScope } from '../../../http/handler.js';
import { orphansOf, presentConnection } from '../connection-presenter.js';
import { collatedMax, collatorOf, listCollated } from './collated-names.js';
import {
  keysetOf,
  type ListOrder,
  listConnectionRows,
  type Page,
  type SortField,
} from './connection-store.js';
import { type Cursor, readCursor, writeCursor } from './list-cursor.js';
import { countConnections, type Selection } from './selection.js';

export interface ConnectionListDependencies {
  store: Store;
  catalogue: Catalogue;
  publicUrl: () => string;
  selfUrl: (id: string) => string;
}

type Query = z.output<typeof listConnections.query>;

const pageMax = 100;
/** Above, counting costs more than it tells. */
const countMax = 10_000;
/** Rows read at once of a list without limit: few where definitions are large, because all of them are in memory. */
const step = { first: 50, least: 10, most: 500, bytes: 4 * 1024 * 1024 };
const errorsMax = 1000;

/** Lists without limit at the same time in one process; others wait. */
const wholeLists = { atOnce: 32, ofOneUser: 2, waiting: 256, waitMs: 30_000 };

const metaOf = (count: number) => (count > countMax ? {} : { count });
const localeDefault = 'en';

/** A connection that a list must not fail for: what is wrong with it, for `errors`. */
function problemOf(row: ConnectionTable, error: unknown): ErrorItem {
  const code =
    error instanceof AppError && error.code === 'DCAAS-2001'
      ? 'DCAAS-2001'
      : ('SOURCE-CONFIGURATION-INVALID' as const);
  const reason =
    code === 'DCAAS-2001'
      ? `there is no data source ${JSON.stringify(row.source_id.slice(0, 64))} here`
      : 'its stored properties cannot be read';
  const { status, title } = errorTable[code];
  return { code, title, detail: `Connection ${row.id} is left out: ${reason}.`, status };
}

/** GET data-connections: filter, order, page, and what of each row is shown. */
export function createConnectionList(deps: ConnectionListDependencies): BoundRoute {
  const { store, catalogue } = deps;
  const turns = createSlots({
    ...{ max: () => wholeLists.atOnce, share: wholeLists.ofOneUser, waitMs: wholeLists.waitMs },
    waitingMax: () => wholeLists.waiting,
    full: () =>
      new AppError(
        'BUSY',
        'Too many lists without limit at the same time. Ask with limit=100 and follow links.next.',
        {
          retryAfterSeconds: 2,
        },
      ),
  });

  // `qType` is no column: it follows from the source.
  const qType = sql`case connection.source_id ${sql.join(
    catalogue.all().map(({ id, provider }) => sql`when ${id} then ${provider}`),
    sql` `,
  )} else '' end`;
  const filterColumns: FilterColumns = {
    qname: { column: 'connection.name', kind: 'text' },
    qtype: { column: qType, kind: 'text' },
    datasourceid: { column: 'connection.source_id', kind: 'text' },
    created: { column: 'connection.created_at', kind: 'instant' },
    createdat: { column: 'connection.created_at', kind: 'instant' },
    updated: { column: 'connection.updated_at', kind: 'instant' },
    qri: { column: 'connection.qri', kind: 'text' },
  };

  const selectionOf = async (caller: Caller, query: Query): Promise<Selection> => {
    const { userId } = query;
    if (userId !== undefined && userId !== caller.userId && !isAdministratorOf(caller, 'personal')) {
      throw new AppError(
        'ACCESS-DENIED',
        "userId: only tenant administrators may ask for somebody else's connections.",
      );
    }
    const ownerId = query.ownedByMe ? caller.userId : userId;
    const hidden = query.includeDisabled ? [] : [...(await catalogue.disabledIn(caller.tenantId))];
    return {
      caller,
      personal: query.personal ?? false,
      hiddenSources: hidden,
      ...(query.spaceId ? { spaceId: query.spaceId } : {}),
      ...(ownerId === undefined ? {} : { ownerId }),
      ...(query.filter?.trim() ? { filter: scimCondition(query.filter, filterColumns)() } : {}),
    };
  };

  /** The order that was asked for. Of names in a locale's order only as many are sorted as memory and time allow. */
  const orderOf = async (query: Query, selection: Selection): Promise<ListOrder> => {
    const text = query.sort ?? '+created';
    const order: ListOrder = {
      field: text.replace(/^[+\- ]/, '') as SortField,
      isDescending: text.startsWith('-'),
    };
    if (order.field !== 'qName' || !query.caseinsensitive) return order;
    const locale = query.locale ?? localeDefault;
    collatorOf(locale);
    const isShort = (await countConnections(store.db, selection)) <= collatedMax;
    return { ...order, collation: isShort ? { locale } : 'folded' };
  };

  const rowsOf = (selection: Selection, page: Page): Promise<ConnectionTable[]> =>
    typeof page.order.collation === 'object'
      ? listCollated(store.db, selection, page, page.order.collation.locale)
      : listConnectionRows(store.db, selection, page);

  const presentAll = async (caller: Caller, rows: readonly ConnectionTable[], withQri: boolean) => {
    const decisions = await decideForAll(store.db, caller, rows);
    const credentials = await credentialsShownTo(store.db, caller, rows);
    const orphans = await orphansOf(store.db, rows, credentials);
    const data: ConnectionReply[] = [];
    const errors: ErrorItem[] = [];
    for (const row of rows) {
      const credential = credentials.get(row.id);
      try {
        const { qri, ...reply } = presentConnection(
          {
            row,
            manifest: catalogue.get(row.source_id),
            privileges: decisions.get(row)?.privileges ?? [],
            ownerLeft: orphans.has(row),
            ...(credential ? { credential } : {}),
          },
          deps.selfUrl(row.id),
          { isListed: true },
        );
        data.push(withQri && qri !== undefined ? { ...reply, qri } : reply);
      } catch (error) {
        errors.push(problemOf(row, error));
      }
    }
    return { data, errors };
  };

  const linksOf = (
    requestUrl: string,
    limit: number,
    cursor: Cursor | undefined,
    order: ListOrder,
    rows: readonly ConnectionTable[],
    hasMore: boolean,
  ) => {
    const isBackwards = cursor?.direction === 'prev';
    const link = (direction: 'next' | 'prev', row: ConnectionTable | undefined) => {
      if (!row) return {};
      const url = new URL(`${deps.publicUrl()}${requestUrl.replace(/^\/+/, '/')}`);
      for (const name of [...url.searchParams.keys()])
        if (/^(page|limit|sort)$/i.test(name)) url.searchParams.delete(name);
      url.searchParams.set('limit', String(limit));
      url.searchParams.set('page', writeCursor({ direction, order, keyset: keysetOf(row, order) }));
      return { [direction]: { href: url.href } };
    };
    return {
      self: { href: `${deps.publicUrl()}${requestUrl}` },
      ...(isBackwards || hasMore ? link('next', rows.at(-1)) : {}),
      ...((isBackwards && hasMore) || (cursor && !isBackwards) ? link('prev', rows[0]) : {}),
    };
  };

  /** Everything, in steps, each from where the one before ended. */
  async function* steps(selection: Selection, order: ListOrder): AsyncGenerator<ConnectionTable[]> {
    let limit = step.first;
    let position: Page['position'];
    for (;;) {
      const rows = await rowsOf(selection, { order, limit, ...(position ? { position } : {}) });
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (rows.length < limit || !last) return;
      position = { keyset: keysetOf(last, order), direction: 'next' };
      const bytes = rows.reduce((sum, row) => sum + row.properties.length, 0);
      limit = Math.max(step.least, Math.min(step.most, Math.floor((limit * step.bytes) / (bytes + 1))));
    }
  }

  /** The whole list, written while it is read; at most two at a time for each user. */
  const whole = async (
    query: Query,
    selection: Selection,
    { request, reply }: Pick<RequestScope, 'request' | 'reply'>,
  ): Promise<Reply> => {
    const { caller } = selection;
    const order = await orderOf(query, selection);
    const errors: ErrorItem[] = [];
    let count = 0;
    async function* batches() {
      for await (const rows of steps(selection, order)) {
        const shown = await presentAll(caller, rows, query.includeQris ?? false);
        count += rows.length;
        if (errors.length < errorsMax) errors.push(...shown.errors);
        yield shown.data;
      }
    }
    const rest = () => ({
      links: { self: { href: `${deps.publicUrl()}${request.url}` } },
      meta: metaOf(count),
      ...(errors.length > 0 ? { errors } : {}),
    });
    await turns.take(caller.userId, clientSignal(request, reply));
    reply.raw.once('close', () => turns.giveBack(caller.userId));
    // What fails at once is still an answer.
    const all = batches();
    const first = await all.next();
    async function* fromFirst() {
      if (first.done) return;
      yield first.value;
      yield* all;
    }
    return { status: 200, list: { name: query.dataName ?? 'data', batches: fromFirst(), rest } };
  };

  return bind(listConnections, async ({ query }, { caller, request, reply }) => {
    const selection = await selectionOf(caller, query);
    const cursor = query.page === undefined ? undefined : readCursor(query.page);
    const limit = query.limit ?? (cursor ? pageMax : undefined);
    if (limit === undefined) {
      return whole(query, selection, { request, reply });
    }
    const order = cursor?.order ?? (await orderOf(query, selection));
    const found = await rowsOf(selection, {
      order,
      ...(cursor ? { position: { keyset: cursor.keyset, direction: cursor.direction } } : {}),
      limit: limit + 1,
    });
    const hasMore = found.length > limit;
    const surplus = cursor?.direction === 'prev' ? found.slice(1) : found.slice(0, limit);
    const rows = hasMore ? surplus : found;
    const { data, errors } = await presentAll(caller, rows, query.includeQris ?? false);
    return {
      status: 200,
      body: {
        [query.dataName ?? 'data']: data,
        links: linksOf(request.url, limit, cursor, order, rows, hasMore),
        meta: metaOf(await countConnections(store.db, selection)),
        ...(errors.length > 0 ? { errors } : {}),
      },
    };
  });
}
