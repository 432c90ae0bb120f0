import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import { onlySet } from '@mooring/connectors/kit/set-properties';
import { writeConnectStatement } from '@mooring/connectors/qlik/connect-statement';
import type { filterDataSourceEndpoints } from '@mooring/contract/routes/data-source-endpoints';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { findConnection, mayNotUse } from '../../../core/access/find-connection.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import { resolveForUse } from '../../../core/credentials/resolve.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { connectionByName, describedBy, qualifiedName } from './named-targets.js';

export interface EndpointsDependencies {
  store: Store;
  catalogue: Catalogue;
  publicUrl: () => string;
}

const dataInterfaceType = 'data';

export const endpointOf = (
  { publicUrl }: EndpointsDependencies,
  manifest: SourceManifest,
  connectionId?: string,
) => ({
  id: manifest.id,
  dataSourceId: manifest.id,
  url: `${publicUrl()}/api/connectivity/data-connections${connectionId ? `/${connectionId}/actions/read` : ''}`,
  isPodUrl: false,
});

/** @throws AppError CREDENTIALS-REQUIRED */
async function assertCredential(
  { store }: EndpointsDependencies,
  caller: Caller,
  row: ConnectionTable,
  manifest: SourceManifest,
): Promise<void> {
  const method = selectSignIn(manifest, definitionOf(row));
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
}

async function ofConnection(
  deps: EndpointsDependencies,
  caller: Caller,
  { row, mayUse }: AccessibleConnection,
  checkCredentials: boolean,
) {
  if (!mayUse) throw mayNotUse();
  const manifest = await deps.catalogue.enabled(caller.tenantId, row.source_id);
  if (checkCredentials) await assertCredential(deps, caller, row, manifest);
  const definition = setDefinition(manifest, row);
  return {
    endpoint: endpointOf(deps, manifest, row.id),
    connection: {
      connectionString: writeConnectStatement(manifest, definition, row.separated === 1),
      dataInterfaceType,
      connectionId: row.id,
      qri: row.qri,
      spaceQualifiedConnectionName: await qualifiedName(deps.store.db, row),
    },
  };
}

/**
 * The endpoint of a connection, of a connect statement or of a data source.
 * @throws InvalidRequest; AppError NOT-FOUND, ACCESS-DENIED, CREDENTIALS-REQUIRED
 */
export async function filterEndpoint(
  deps: EndpointsDependencies,
  caller: Caller,
  body: z.output<typeof filterDataSourceEndpoints.body>,
) {
  const { store, catalogue } = deps;
  const { connectionId, connectionName, connectionString, dataSourceId } = body;
  const named = [connectionId, connectionName, connectionString].filter((one) => one !== undefined);
  if (named.length > 1 || (named.length === 0 && dataSourceId === undefined))
    throw invalidField(
      'connectionId',
      'exactly one of connectionId, connectionName, connectionString and dataSourceId is needed',
    );
  if (connectionString !== undefined) {
    const { manifest, definition, set } = await describedBy(
      catalogue,
      caller,
      connectionString,
      dataSourceId,
    );
    const connection = {
      connectionString: writeConnectStatement(manifest, onlySet(manifest, definition, set), false),
      dataInterfaceType,
      qri: qriOf(manifest, definition),
    };
    return { endpoint: endpointOf(deps, manifest), connection };
  }
  if (connectionId === undefined && connectionName === undefined) {
    const manifest = await catalogue.enabled(caller.tenantId, dataSourceId ?? '');
    return { endpoint: endpointOf(deps, manifest) };
  }
  const found =
    connectionId === undefined
      ? await connectionByName(store.db, caller, connectionName ?? '', body.spaceId)
      : await findConnection(store.db, caller, connectionId, 'connection');
  return ofConnection(deps, caller, found, body.checkCredentials ?? false);
}
