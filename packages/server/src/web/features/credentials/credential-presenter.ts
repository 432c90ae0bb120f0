import type { CredentialReply } from '@mooring/contract/routes/data-credentials';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type { Store } from '../../../core/store/store.js';
import type { CredentialTable } from '../../../core/store/tables.js';
import { connectionCounts } from './credential-store.js';

interface PresenterDependencies {
  store: Store;
  catalogue: Catalogue;
  publicUrl: () => string;
}

export const presentCredential = (
  { catalogue, publicUrl }: Omit<PresenterDependencies, 'store'>,
  row: CredentialTable,
  connectionCount: number,
): CredentialReply => ({
  connectionId: row.connection_id ?? '',
  created: row.created_at,
  datasourceID: row.source_id,
  links: { self: { href: `${publicUrl()}/v1/data-credentials/${row.id}` } },
  qConnCount: connectionCount,
  qID: row.id,
  qName: row.name,
  qSeparated: row.separated,
  qType: catalogue.get(row.source_id).provider,
  updated: row.updated_at,
});

export async function presentCredentials(
  deps: PresenterDependencies,
  rows: readonly CredentialTable[],
): Promise<CredentialReply[]> {
  const counts = await connectionCounts(deps.store.db, rows);
  return rows.map((row) => presentCredential(deps, row, counts.get(row.id) ?? 0));
}

export const presentOrphan = (
  { catalogue }: Pick<PresenterDependencies, 'catalogue'>,
  row: CredentialTable,
) => ({
  qID: row.id,
  qName: row.name,
  qType: catalogue.get(row.source_id).provider,
  created: row.created_at,
  updated: row.updated_at,
  datasourceID: row.source_id,
  user: row.owner_id,
  tenant: row.tenant_id,
});
