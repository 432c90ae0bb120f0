import { withoutCertificates } from '@mooring/connectors/kit/certificates';
import { writeConnectStatement } from '@mooring/connectors/kit/connect-statement';
import { metaOf } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { ConnectionReply, Privilege } from '@mooring/contract/routes/data-connections';
import type { DcaasConnectionReply } from '@mooring/contract/routes/dcaas';
import { ownerlessOf } from '../../../core/access/owner-left.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import type { CallersCredential } from '../../../core/credentials/resolve.js';
import { tagsOf } from '../../../core/store/decoded-rows.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

/** Everything an answer about a connection is made from; the presenter decides what of it leaves. */
export interface PresentedConnection {
  row: ConnectionTable;
  manifest: SourceManifest;
  privileges: readonly Privilege[];
  credential?: CallersCredential;
  ownerLeft?: boolean;
}

/** Connections in spaces that lost their embedded login together with their owner. */
export function orphansOf(
  db: Queryable,
  rows: readonly ConnectionTable[],
  credentials: ReadonlyMap<string, CallersCredential>,
): Promise<ReadonlySet<ConnectionTable>> {
  const withoutLogin = rows.filter(
    (row) => row.separated === 0 && row.space_id !== null && !credentials.has(row.id),
  );
  return ownerlessOf(db, withoutLogin);
}

/** The properties in the form that creates the connection again, without anything a credential holds. */
export function publicProperties({
  row,
  manifest,
  credential,
}: PresentedConnection): Record<string, unknown> {
  const definition = setDefinition(manifest, row);
  const properties: Record<string, unknown> = {};
  for (const name of Object.keys(manifest.properties.shape)) {
    const isDefinition = (metaOf(manifest, name).holder ?? 'definition') === 'definition';
    if (isDefinition && definition[name] !== undefined) properties[name] = definition[name];
  }
  if (row.separated === 1) {
    properties['separateCredentials'] = true;
    if (credential) properties['selectedCredentials'] = credential.id;
  }
  return properties;
}

/** @param selfUrl GET replies link to the fetchable path, replies to a POST to the one without `/api`, as Qlik's do. */
export function presentConnection(
  connection: PresentedConnection,
  selfUrl: string,
  options: { withProperties?: boolean; isListed?: boolean } = {},
): ConnectionReply {
  const { row, manifest, privileges, credential } = connection;
  const definition = setDefinition(manifest, row);
  // Certificates are large: once in an answer, and not in lists.
  const stated =
    options.withProperties || options.isListed ? withoutCertificates(manifest, definition) : definition;
  return {
    id: row.id,
    qID: row.id,
    qEngineObjectID: row.id,
    qName: row.name,
    qType: manifest.provider,
    datasourceID: row.source_id,
    qConnectStatement: writeConnectStatement(manifest, stated, row.separated === 1),
    qArchitecture: 0,
    qLogOn: 1,
    qSeparateCredentials: row.separated === 1,
    ...(credential ? { qCredentialsID: credential.id, qCredentialsName: credential.name } : {}),
    ...(options.withProperties ? { connectionProperties: publicProperties(connection) } : {}),
    privileges: [...privileges],
    qri: row.qri,
    ...(row.space_id === null ? {} : { space: row.space_id }),
    tags: tagsOf(row),
    tenant: row.tenant_id,
    user: row.owner_id,
    ...(connection.ownerLeft ? { ownerLeft: true } : {}),
    version: 'V1',
    created: row.created_at,
    createdAt: row.created_at,
    updated: row.updated_at,
    updatedAt: row.updated_at,
    links: { self: { href: selfUrl } },
  };
}

/** The older door's form of the same connection. */
export function presentDcaas(
  connection: PresentedConnection,
  options: { withProperties?: boolean } = {},
): DcaasConnectionReply {
  const { row, credential } = connection;
  return {
    connectionId: row.id,
    connectionName: row.name,
    dataSourceId: row.source_id,
    tenantId: row.tenant_id,
    userId: row.owner_id,
    createdAt: row.created_at,
    updateAt: row.updated_at,
    ...(credential ? { credentialsId: credential.id } : {}),
    ...(row.space_id === null ? {} : { spaceId: row.space_id }),
    ...(options.withProperties
      ? { connectionProperties: publicProperties(connection), tags: tagsOf(row) }
      : {}),
  };
}
