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
import { AppError } from '../../../core/errors/app-error.js';
import { afterChange } from '../../../core/store/store-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { unconditional } from '../../http/revision.js';
import { bulkDelete, bulkUpdate } from './bulk-connections.js';
import { chosenCredential } from './chosen-credential.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { presentConnection, presentDcaas } from './connection-presenter.js';
import { ignored } from './connection-secret.js';
import { createConnection } from './create-connection.js';
import { deleteConnection } from './delete-connection.js';
import { duplicateConnection } from './duplicate-connection.js';
import { createConnectionList } from './list/connection-list.js';
import { lookUp, lookupOf } from './lookup.js';
import { patchConnection } from './patch-connection.js';
import { getPresented, present } from './presented-connections.js';
import { putConnection } from './put-connection.js';
import { byProperties } from './statement-body.js';

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
    const connection = await getPresented(
      deps,
      { caller, revision: unconditional },
      lookupOf(params.connectionId),
    );
    return { status: 200, body: presentDcaas(connection, { withProperties: true }) };
  }),
];

const bulkRoutes = (deps: ConnectionDependencies): BoundRoute[] => [
  bind(bulkDeleteConnections, async ({ body }, scope) => ({
    status: 207,
    body: await bulkDelete(deps, body, scope),
  })),
  bind(bulkUpdateConnections, async ({ body }, scope) => ({
    status: 207,
    body: await bulkUpdate(deps, body, scope),
  })),
];

/** `data-connections` and `/dcaas`, over the same operations. */
export function createConnectionsFeature(deps: ConnectionDependencies): BoundRoute[] {
  const selfUrl = (id: string) => `${deps.publicUrl()}/api/v1/data-connections/${id}`;
  const postedSelfUrl = (id: string) => `${deps.publicUrl()}/v1/data-connections/${id}`;

  return [
    createConnectionList({ ...deps, selfUrl }),
    bind(putRoute, async ({ params, query, body }, scope) => {
      const names = await putConnection(deps, scope, lookupOf(params.qID, query), body);
      return { status: 204, ...ignored(names) };
    }),
    bind(patchRoute, async ({ params, query, headers, body: patch }, scope) => {
      const authCode = headers['qlik-auth-code'] || undefined;
      await patchConnection(deps, scope, lookupOf(params.qID, query), { patch, authCode });
      return { status: 204 };
    }),
    ...bulkRoutes(deps),
    bind(duplicateRoute, async ({ body }, { caller }) => {
      const found = await lookUp(deps, { caller, revision: unconditional }, { id: body.id });
      const copy = await duplicateConnection(deps, caller, found, body);
      const presented = await afterChange(() => present(deps, caller, copy));
      return { status: 201, body: presentConnection(presented, postedSelfUrl(copy.id)) };
    }),
    bind(createRoute, async ({ body }, { caller }) => {
      const asked = byProperties(deps.catalogue, body);
      const by = body.connectionProperties ? 'properties' : 'statement';
      const result = await createConnection(deps, caller, asked.body, by);
      const told = ignored(asked.ignored);
      if ('begun' in result) return { status: 201, body: result.begun, ...told };
      const created = presentConnection(result.created, postedSelfUrl(result.created.row.id));
      return { status: 201, body: created, ...told };
    }),
    bind(getConnection, async ({ params, query }, scope) => {
      const { caller } = scope;
      const found = await getPresented(deps, scope, lookupOf(params.qID, query));
      const { credentialId: id, byCredentialName } = query;
      const credential =
        id === undefined
          ? found.credential
          : await chosenCredential(deps.store.db, caller, found, byCredentialName ? { name: id } : { id });
      const connection = { ...found, ...(credential ? { credential } : {}) };
      const withProperties = query.parseConnection ?? false;
      const body = presentConnection(connection, selfUrl(found.row.id), { withProperties });
      return { status: 200, body };
    }),
    bind(deleteRoute, async ({ params, query }, scope) => {
      await deleteConnection(deps, scope, lookupOf(params.qID, query));
      return { status: 204 };
    }),
    ...dcaasRoutes(deps),
  ];
}
