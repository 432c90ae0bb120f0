import { writeConnectStatement } from '@mooring/connectors/kit/connect-statement';
import { needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import { onlySet } from '@mooring/connectors/kit/set-properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import {
  filterDataSourceEndpoints,
  generateQris,
  getDataSourceEndpoints,
} from '@mooring/contract/routes/data-source-endpoints';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { findConnection, mayNotUse } from '../../../core/access/find-connection.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import { resolveForUse } from '../../../core/credentials/resolve.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { connectionByName, qualifiedName } from './connection-reference.js';
import { createQriBatch } from './qri-batch.js';
import { describedBy } from './statement-source.js';

export interface EndpointsDependencies {
  store: Store;
  catalogue: Catalogue;
  publicUrl: () => string;
}

const dataInterfaceType = 'data';

/** Where data is read, and what connections point to. Neither a user name nor a password is ever part of it. */
export function createEndpointsFeature(deps: EndpointsDependencies): BoundRoute[] {
  const { store, catalogue } = deps;
  const makeQri = createQriBatch({ store, catalogue });

  const endpointOf = (manifest: SourceManifest, connectionId?: string) => ({
    id: manifest.id,
    dataSourceId: manifest.id,
    url: `${deps.publicUrl()}/api/connectivity/data-connections${connectionId ? `/${connectionId}/actions/read` : ''}`,
    isPodUrl: false,
  });

  const assertCredential = async (caller: Caller, row: ConnectionTable, manifest: SourceManifest) => {
    const definition = definitionOf(row);
    const method = selectSignIn(manifest, definition);
    const { state } = await resolveForUse(store.db, caller, row, manifest);
    if (row.separated === 0 || state === 'ready' || (state === 'missing' && needsNoLogin(method))) return;
    throw new AppError('CREDENTIALS-REQUIRED', 'You have no usable credential on this connection.', {
      meta: {
        reason: state,
        connectionId: row.id,
        dataSourceId: row.source_id,
        bring: `/api/v1/data-connections/${row.id}/credential`,
      },
    });
  };

  const ofConnection = async (caller: Caller, found: AccessibleConnection, checkCredentials: boolean) => {
    const { row } = found;
    if (!found.mayUse) throw mayNotUse();
    const manifest = await catalogue.enabled(caller.tenantId, row.source_id);
    if (checkCredentials) await assertCredential(caller, row, manifest);
    const definition = setDefinition(manifest, row);
    return {
      endpoint: endpointOf(manifest, row.id),
      connection: {
        connectionString: writeConnectStatement(manifest, definition, row.separated === 1),
        dataInterfaceType,
        connectionId: row.id,
        qri: row.qri,
        spaceQualifiedConnectionName: await qualifiedName(store.db, row),
      },
    };
  };

  const filter = bind(filterDataSourceEndpoints, async ({ body }, { caller }) => {
    const { connectionId, connectionName, connectionString, dataSourceId } = body;
    const checkCredentials = body.checkCredentials ?? false;
    const named = [connectionId, connectionName, connectionString].filter((one) => one !== undefined);
    if (named.length > 1 || (named.length === 0 && dataSourceId === undefined)) {
      throw new InvalidRequest([
        {
          field: 'connectionId',
          message: 'exactly one of connectionId, connectionName, connectionString and dataSourceId is needed',
        },
      ]);
    }
    if (connectionString !== undefined) {
      const described = await describedBy(catalogue, caller, connectionString, dataSourceId);
      const { manifest, definition, set } = described;
      const connection = {
        connectionString: writeConnectStatement(manifest, onlySet(manifest, definition, set), false),
        dataInterfaceType,
        qri: qriOf(manifest, definition),
      };
      return { status: 201, body: { endpoint: endpointOf(manifest), connection } };
    }
    if (connectionId === undefined && connectionName === undefined) {
      const manifest = await catalogue.enabled(caller.tenantId, dataSourceId ?? '');
      return { status: 201, body: { endpoint: endpointOf(manifest) } };
    }
    const found =
      connectionId === undefined
        ? await connectionByName(store.db, caller, connectionName ?? '', body.spaceId)
        : await findConnection(store.db, caller, connectionId, 'connection');
    return { status: 201, body: await ofConnection(caller, found, checkCredentials) };
  });

  return [
    bind(getDataSourceEndpoints, async (_input, { caller }) => {
      const disabled = await catalogue.disabledIn(caller.tenantId);
      const enabled = catalogue.all().filter((manifest) => !disabled.has(manifest.id));
      return { status: 200, body: { endpoints: enabled.map((manifest) => endpointOf(manifest)) } };
    }),
    filter,
    bind(generateQris, async ({ body }, { caller, traceId }) => {
      const data = [];
      for (const item of body.data) data.push(await makeQri(caller, item, body.rawValues ?? false, traceId));
      return { status: 207, body: { data } };
    }),
  ];
}
