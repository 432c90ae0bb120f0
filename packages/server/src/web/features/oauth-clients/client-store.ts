import type { OAuthClientReply, Scope } from '@mooring/contract/routes/oauth-clients';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { hintOf, newClientSecret } from '../../../core/access/token.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { FilterColumns } from '../../../core/filter/scim-filter.js';
import type { Queryable, Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { OAuthClientSecretTable, OAuthClientTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import type { ListOrder } from '../../http/keyset.js';

export interface OAuthClientsDependencies {
  store: Store;
  authenticator: Authenticator;
  hashToken: HashToken;
  offboarding: Offboarding;
  publicUrl: () => string;
}

export const clientOrder: ListOrder = {
  sorts: {
    clientId: 'oauth_client.id',
    clientName: 'oauth_client.name',
    createdAt: 'oauth_client.created_at',
    updatedAt: 'oauth_client.updated_at',
  },
  idColumn: 'oauth_client.id',
};

export const clientFilter: FilterColumns = {
  clientid: { column: 'oauth_client.id', kind: 'text' },
  clientname: { column: 'oauth_client.name', kind: 'text' },
  apptype: { column: 'oauth_client.app_type', kind: 'text' },
  tenantid: { column: 'oauth_client.tenant_id', kind: 'text' },
};

export const assertAdministrator = (caller: Caller): void =>
  assertTenantAdministrator(caller, 'see or change OAuth clients');

/** @throws AppError ACCESS-DENIED, NOT-FOUND */
export async function findClient(db: Queryable, caller: Caller, id: string): Promise<OAuthClientTable> {
  assertAdministrator(caller);
  const row = await db
    .selectFrom('oauth_client')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', caller.tenantId)
    .executeTakeFirst();
  if (!row) throw new AppError('NOT-FOUND', 'There is no such OAuth client.');
  return row;
}

export const scopesOf = (row: Pick<OAuthClientTable, 'allowed_scopes'>): Scope[] =>
  JSON.parse(row.allowed_scopes) as Scope[];

/** Tenant roles of the client's machine user: the scope decides whether it may administer. */
export const rolesFor = (scopes: readonly Scope[]): string =>
  JSON.stringify(scopes.includes('admin_classic') ? ['TenantAdmin'] : []);

export async function secretsOf(
  db: Queryable,
  clients: readonly OAuthClientTable[],
): Promise<OAuthClientSecretTable[]> {
  if (clients.length === 0) return [];
  return db
    .selectFrom('oauth_client_secret')
    .selectAll()
    .where(
      'client_id',
      'in',
      clients.map((client) => client.id),
    )
    .orderBy('created_at')
    .execute();
}

/** Adds a secret with a hint that is unique for the client. Only a hash of the secret is stored. */
export async function addSecret(
  tx: Tx,
  client: Pick<OAuthClientTable, 'id' | 'tenant_id'>,
  others: readonly OAuthClientSecretTable[],
  { by, at, hashToken }: { by: string; at: string; hashToken: HashToken },
): Promise<{ clientSecret: string; row: OAuthClientSecretTable }> {
  let clientSecret = newClientSecret();
  while (others.some((other) => other.hint === hintOf(clientSecret))) clientSecret = newClientSecret();
  const row: OAuthClientSecretTable = {
    tenant_id: client.tenant_id,
    client_id: client.id,
    hint: hintOf(clientSecret),
    secret_hash: hashToken(clientSecret),
    created_at: at,
    created_by: by,
  };
  await tx.insertInto('oauth_client_secret').values(row).execute();
  return { clientSecret, row };
}

export function presentClient(
  row: OAuthClientTable,
  secrets: readonly OAuthClientSecretTable[],
): OAuthClientReply {
  return {
    clientId: row.id,
    clientName: row.name,
    description: row.description,
    appType: row.app_type,
    allowedScopes: scopesOf(row),
    allowedGrantTypes: ['client_credentials'],
    allowedAuthMethods: ['client_secret'],
    clientUri: row.client_uri,
    logoUri: row.logo_uri,
    clientSecrets: secrets
      .filter((secret) => secret.client_id === row.id)
      .map((secret) => ({ hint: secret.hint, createdAt: secret.created_at, createdBy: secret.created_by })),
    userId: row.user_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdByType: 'user',
  };
}
