import {
  bulkDeleteConnections,
  bulkUpdateConnections,
  duplicateConnection as duplicateRoute,
  patchConnection as patchRoute,
  updateConnection as putRoute,
} from '@mooring/contract/routes/data-connection-changes';
import {
  createConnection as createRoute,
  deleteConnection as deleteRoute,
  getConnection,
} from '@mooring/contract/routes/data-connections';
import { createDcaasConnection, getDcaasConnection } from '@mooring/contract/routes/dcaas';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { AppError } from '../../../core/errors/app-error.js';
import { afterChange } from '../../../core/store/store-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { unconditional } from '../../http/revision.js';
import { bulkDelete, bulkUpdate } from './bulk-connections.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { presentConnection, presentDcaas } from './connection-presenter.js';
import { createConnection } from './create-connection.js';
import { deleteConnection } from './delete-connection.js';
import { duplicateConnection } from './duplicate-connection.js';
import { createConnectionList } from './list/connection-list.js';
import { lookUp } from './lookup.js';
import { updateOfPatch } from './patch-connection.js';
import { chosenCredential, present, presentFound } from './presented-connections.js';
import { updateOfPut } from './put-connection.js';
import { byProperties, ignoredHeader } from './stated-properties.js';
import { updateConnection } from './update-connection.js';

/** @throws AppError NOT-FOUND also when the caller may use the connection but not read it */
async function readable(...named: Parameters<typeof lookUp>): Promise<AccessibleConnection> {
  const found = await lookUp(...named);
  if (!found.privileges.includes('read')) throw unknownConnection();
  return found;
}

/** Errors name a field as `/dcaas` does. */
async function inDcaasNames<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const detail = error.detail?.replace(/^qName: /, 'connectionName: ').replace(/^space: /, 'spaceId: ');
    throw detail === error.detail ? error : new AppError(error.code, detail);
  }
}

const dcaasRoutes = (deps: ConnectionDependencies): BoundRoute[] => [
  bind(createDcaasConnection, async ({ body }, { caller }) => {
    const { dataSourceId: datasourceID, connectionName: qName, spaceId: space, ...others } = body;
    const result = await inDcaasNames(() =>
      createConnection(deps, caller, { datasourceID, qName, space, ...others }),
    );
    return { status: 201, body: 'begun' in result ? result.begun : presentDcaas(result.created) };
  }),
  bind(getDcaasConnection, async ({ params }, { caller }) => {
    const found = await readable(deps, { caller, revision: unconditional }, params.connectionId);
    const connection = await presentFound(deps, caller, found);
    return { status: 200, body: presentDcaas(connection, { withProperties: true }) };
  }),
];

/** `data-connections` and `/dcaas`, over the same operations. */
export function createConnectionsFeature(deps: ConnectionDependencies): BoundRoute[] {
  const { store, catalogue, publicUrl } = deps;

  return [
    createConnectionList(deps),
    bind(putRoute, async ({ params, query, body }, scope) => {
      const found = await lookUp(deps, scope, params.qID, query);
      const { update, ignored } = await updateOfPut(deps, scope.caller, found.row, body);
      await updateConnection(deps, scope, found, update);
      return { status: 204, ...ignoredHeader(ignored) };
    }),
    bind(patchRoute, async ({ params, query, headers, body: patch }, scope) => {
      const authCode = headers['qlik-auth-code'] || undefined;
      const found = await lookUp(deps, scope, params.qID, query);
      const update = await updateOfPatch(deps, scope.caller, found.row, { patch, authCode });
      await updateConnection(deps, scope, found, update);
      return { status: 204 };
    }),
    bind(bulkDeleteConnections, async ({ body }, scope) => ({
      status: 207,
      body: await bulkDelete(deps, body, scope),
    })),
    bind(bulkUpdateConnections, async ({ body }, scope) => ({
      status: 207,
      body: await bulkUpdate(deps, body, scope),
    })),
    bind(duplicateRoute, async ({ body }, { caller }) => {
      const copy = await duplicateConnection(deps, caller, body);
      const presented = await afterChange(() => present(deps, caller, copy));
      return { status: 201, body: presentConnection(presented, publicUrl()) };
    }),
    bind(createRoute, async ({ body }, { caller }) => {
      const asked = byProperties(catalogue, body);
      const by = body.connectionProperties ? 'properties' : 'statement';
      const result = await createConnection(deps, caller, asked.body, by);
      const answer = 'begun' in result ? result.begun : presentConnection(result.created, publicUrl());
      return { status: 201, body: answer, ...ignoredHeader(asked.ignored) };
    }),
    bind(getConnection, async ({ params, query }, scope) => {
      const { caller } = scope;
      const found = await readable(deps, scope, params.qID, query);
      const { credentialId: id, byCredentialName } = query;
      const connection = await presentFound(deps, caller, found);
      if (id !== undefined) {
        const wanted = byCredentialName ? { name: id } : { id };
        connection.credential = await chosenCredential(store.db, caller, connection, wanted);
      }
      const withProperties = query.parseConnection ?? false;
      const body = presentConnection(connection, `${publicUrl()}/api`, { withProperties });
      return { status: 200, body };
    }),
    bind(deleteRoute, async ({ params, query }, scope) => {
      await deleteConnection(deps, scope, await lookUp(deps, scope, params.qID, query));
      return { status: 204 };
    }),
    ...dcaasRoutes(deps),
  ];
}
