import { createConnection, deleteConnection, getConnection } from '@mooring/contract/routes/data-connections';
import { createDcaasConnection, getDcaasConnection } from '@mooring/contract/routes/dcaas';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { chosenCredential } from './chosen-credential.js';
import { createConnectionChangeRoutes } from './connection-change-routes.js';
import { createConnectionChanger } from './connection-changes.js';
import type { ConnectionServiceDependencies } from './connection-dependencies.js';
import { createDuplicator } from './connection-duplicates.js';
import { presentConnection, presentDcaas } from './connection-presenter.js';
import { passedOver } from './connection-secret.js';
import { createConnectionService } from './connection-service.js';
import { createConnectionList } from './list/connection-list.js';
import { lookupOf } from './lookup.js';
import { byProperties } from './statement-body.js';

export interface ConnectionsDependencies extends ConnectionServiceDependencies {
  store: Store;
  publicUrl: () => string;
}

/** Errors name a field as this door calls it. */
async function inDcaasNames<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const detail = error.detail?.replace(/^qName: /, 'connectionName: ').replace(/^space: /, 'spaceId: ');
    throw detail === error.detail ? error : new AppError(error.code, detail);
  }
}

/** data-connections and the older dcaas door over one service. */
export function createConnectionsFeature(deps: ConnectionsDependencies): BoundRoute[] {
  const service = createConnectionService(deps);
  const selfUrl = (id: string) => `${deps.publicUrl()}/api/v1/data-connections/${id}`;
  const postedSelfUrl = (id: string) => `${deps.publicUrl()}/v1/data-connections/${id}`;

  const changes = createConnectionChangeRoutes({
    catalogue: deps.catalogue,
    service,
    change: createConnectionChanger(deps),
    duplicate: createDuplicator(deps),
    postedSelfUrl,
  });

  return [
    createConnectionList({ ...deps, selfUrl }),
    ...changes,
    bind(createConnection, async ({ body }, { caller }) => {
      const asked = byProperties(deps.catalogue, body);
      const by = body.connectionProperties ? 'properties' : 'statement';
      const result = await service.create(caller, asked.body, by);
      const told = passedOver(asked.passedOver);
      if ('begun' in result) return { status: 201, body: result.begun, ...told };
      const created = presentConnection(result.created, postedSelfUrl(result.created.row.id));
      return { status: 201, body: created, ...told };
    }),
    bind(getConnection, async ({ params, query }, { caller }) => {
      const found = await service.get(caller, lookupOf(params.qID, query));
      const { credentialId, byCredentialName = false } = query;
      const connection =
        credentialId === undefined
          ? found
          : {
              ...found,
              credential: await chosenCredential(
                deps.store.db,
                caller,
                found,
                credentialId,
                byCredentialName,
              ),
            };
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
      const { dataSourceId: datasourceID, connectionName: qName, spaceId: space, ...others } = body;
      const result = await inDcaasNames(() =>
        service.create(caller, { datasourceID, qName, space, ...others }),
      );
      return { status: 201, body: 'begun' in result ? result.begun : presentDcaas(result.created) };
    }),
    bind(getDcaasConnection, async ({ params }, { caller }) => {
      const connection = await service.get(caller, lookupOf(params.connectionId));
      return { status: 200, body: presentDcaas(connection, { withProperties: true }) };
    }),
  ];
}
