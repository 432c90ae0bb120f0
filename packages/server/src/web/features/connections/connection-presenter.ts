import { withoutCertificates } from '@mooring/connectors/kit/certificates';
import { metaOf } from '@mooring/connectors/kit/properties';
import { writeConnectStatement } from '@mooring/connectors/qlik/connect-statement';
import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import type { ConnectionReply } from '@mooring/contract/routes/data-connections';
import type { DcaasConnectionReply } from '@mooring/contract/routes/dcaas';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import { tagsOf } from '../../../core/store/decoded-rows.js';
import type { PresentedConnection } from './presented-connections.js';

/** The properties that would create the connection again, without those of a credential. */
function publicProperties({ row, manifest, credential }: PresentedConnection): Record<string, unknown> {
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

/** @param base of `links.self`: as in Qlik, with `/api` in answers to a GET, without it in answers to a POST */
export function presentConnection(
  connection: PresentedConnection,
  base: string,
  options: { withProperties?: boolean; isListed?: boolean } = {},
): ConnectionReply {
  const { row, manifest, privileges, credential } = connection;
  const definition = setDefinition(manifest, row);
  // Certificates are large: an answer contains them once, a list not at all.
  const stated =
    options.withProperties || options.isListed ? withoutCertificates(manifest, definition) : definition;
  return {
    id: row.id,
    qID: row.id,
    qEngineObjectID: row.id,
    qName: row.name,
    qType: qlikNamesOf(manifest).provider,
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
    links: { self: { href: `${base}/v1/data-connections/${row.id}` } },
  };
}

/** The connection as `/dcaas` answers it. */
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
