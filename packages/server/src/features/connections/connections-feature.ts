import {
  createConnection,
  deleteConnection,
  getConnection,
  listConnections,
} from '@mooring/contract/routes/data-connections';
import { createDcaasConnection, getDcaasConnection } from '@mooring/contract/routes/dcaas';
import { isAdministratorOf } from '../../access/matrix.js';
import { AppError } from '../../http/app-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import type { Store } from '../../store/store.js';
import { createConnectionChangeRoutes } from './connection-change-routes.js';
import { createConnectionChanger } from './connection-changes.js';
import { createDuplicator } from './connection-duplicates.js';
import { presentConnection, presentDcaas } from './connection-presenter.js';
import { type ConnectionServiceDependencies, createConnectionService } from './connection-service.js';
import {
  countConnections,
  keysetOf,
  type ListQuery,
  listConnectionRows,
  type SortField,
} from './connection-store.js';
import { readCursor, writeCursor } from './list-cursor.js';
import { lookupOf } from './lookup.js';

export interface ConnectionsDependencies extends ConnectionServiceDependencies {
  store: Store;
  publicUrl: () => string;
}

/** data-connections and the older dcaas door over one service. */
export function createConnectionsFeature(deps: ConnectionsDependencies): BoundRoute[] {
  const service = createConnectionService(deps);
  const selfUrl = (id: string) => `${deps.publicUrl()}/api/v1/data-connections/${id}`;
  const postedSelfUrl = (id: string) => `${deps.publicUrl()}/v1/data-connections/${id}`;

  const list = bind(listConnections, async ({ query }, { caller, request }) => {
    if (
      query.userId !== undefined &&
      query.userId !== caller.userId &&
      !isAdministratorOf(caller, 'personal')
    ) {
      throw new AppError(
        'ACCESS-DENIED',
        "userId: only tenant administrators may ask for somebody else's connections.",
      );
    }
    const cursor = query.page === undefined ? undefined : readCursor(query.page);
    const sortText = query.sort ?? '+created';
    const sort = cursor?.sort ?? {
      field: sortText.replace(/^[+\- ]/, '') as SortField,
      isDescending: sortText.startsWith('-'),
    };
    const ownerId = query.ownedByMe ? caller.userId : query.userId;
    const limit = query.limit ?? (cursor ? 100 : undefined);
    const listQuery: ListQuery = {
      caller,
      personal: query.personal ?? false,
      sort,
      ...(query.spaceId ? { spaceId: query.spaceId } : {}),
      ...(ownerId === undefined ? {} : { ownerId }),
      ...(cursor ? { position: { keyset: cursor.keyset, direction: cursor.direction } } : {}),
      ...(limit === undefined ? {} : { limit: limit + 1 }),
    };
    const found = await listConnectionRows(deps.store.db, listQuery);
    const isBackwards = cursor?.direction === 'prev';
    const hasMore = limit !== undefined && found.length > limit;
    const rows = !hasMore ? found : isBackwards ? found.slice(1) : found.slice(0, limit);
    const presented = await service.present(caller, rows);

    const pageLink = (direction: 'next' | 'prev', row: (typeof rows)[number] | undefined) => {
      if (!row) return {};
      const url = new URL(`${deps.publicUrl()}${request.url.replace(/^\/+/, '/')}`);
      for (const name of [...url.searchParams.keys()])
        if (/^(page|limit|sort)$/i.test(name)) url.searchParams.delete(name);
      url.searchParams.set('limit', String(limit));
      url.searchParams.set('page', writeCursor({ direction, sort, keyset: keysetOf(row, sort.field) }));
      return { [direction]: { href: url.href } };
    };
    const links = {
      self: { href: `${deps.publicUrl()}${request.url}` },
      ...(isBackwards || hasMore ? pageLink('next', rows.at(-1)) : {}),
      ...((isBackwards && hasMore) || (cursor && !isBackwards) ? pageLink('prev', rows[0]) : {}),
    };
    const { position, limit: pageLimit, ...all } = listQuery;
    return {
      status: 200,
      body: {
        [query.dataName ?? 'data']: presented.map((connection) =>
          presentConnection(connection, selfUrl(connection.row.id)),
        ),
        links,
        meta: { count: limit === undefined ? rows.length : await countConnections(deps.store.db, all) },
      },
    };
  });

  const changes = createConnectionChangeRoutes({
    catalogue: deps.catalogue,
    service,
    change: createConnectionChanger(deps),
    duplicate: createDuplicator(deps),
    postedSelfUrl,
  });

  return [
    list,
    ...changes,
    bind(createConnection, async ({ body }, { caller }) => {
      const result = await service.create(caller, body);
      if ('begun' in result) return { status: 201, body: result.begun };
      return { status: 201, body: presentConnection(result.created, postedSelfUrl(result.created.row.id)) };
    }),
    bind(getConnection, async ({ params, query }, { caller }) => {
      const connection = await service.get(caller, lookupOf(params.qID, query));
      const withProperties = query.parseConnection ?? false;
      return {
        status: 200,
        body: presentConnection(connection, selfUrl(connection.row.id), { withProperties }),
      };
    }),
    bind(deleteConnection, async ({ params, query }, { caller }) => {
      await service.remove(caller, lookupOf(params.qID, query));
      return { status: 204 };
    }),
    bind(createDcaasConnection, async ({ body }, { caller }) => {
      const result = await service.create(caller, body);
      return { status: 201, body: 'begun' in result ? result.begun : presentDcaas(result.created) };
    }),
    bind(getDcaasConnection, async ({ params }, { caller }) => {
      const connection = await service.get(caller, lookupOf(params.connectionId));
      return { status: 200, body: presentDcaas(connection, { withProperties: true }) };
    }),
  ];
}
