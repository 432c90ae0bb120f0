import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Config } from '../config.js';
import type { Queryable } from '../store/store.js';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { openConnectionSecrets } from './connection-secrets.js';
import { type OAuthSetup, oauthSetup } from './oauth-setup.js';

export interface CredentialSetupDependencies {
  vault: Vault;
  catalogue: Catalogue;
  clients: Config['oauth']['clients'];
}

/**
 * The connection an embedded credential belongs to, or one that uses a separated one: only where its person has
 * allowed the destination, as a token endpoint is part of that.
 */
function anyConnectionOf(db: Queryable, credential: CredentialTable): Promise<ConnectionTable | undefined> {
  const connections = db
    .selectFrom('connection')
    .innerJoin('credential_destination', 'credential_destination.destination', 'connection.destination')
    .selectAll('connection')
    .where('credential_destination.credential_id', '=', credential.id)
    .where('connection.tenant_id', '=', credential.tenant_id);
  if (credential.connection_id !== null) {
    return connections.where('connection.id', '=', credential.connection_id).executeTakeFirst();
  }
  return connections
    .innerJoin('credential_link', 'credential_link.connection_id', 'connection.id')
    .where('credential_link.credential_id', '=', credential.id)
    .executeTakeFirst();
}

/**
 * Where the grant of a credential came from, for exchanges that no use has asked for: its end, and its renewal while
 * nobody uses it.
 * @param connection as it was when the grant came; absent: one that the credential may be used on
 * @returns undefined for a credential that has no OAuth sign-in
 * @throws AppError when the client is no longer configured, UnreadableError when its secret cannot be opened
 */
export async function setupOfCredential(
  db: Queryable,
  { vault, catalogue, clients }: CredentialSetupDependencies,
  credential: CredentialTable,
  connection?: ConnectionTable,
): Promise<OAuthSetup | undefined> {
  const manifest = catalogue.get(credential.source_id);
  const via = connection ?? (await anyConnectionOf(db, credential));
  const definition = via ? (JSON.parse(via.properties) as Record<string, unknown>) : {};
  const method = via
    ? selectSignIn(manifest, definition)
    : manifest.signIns.find((signIn) => signIn.id === credential.sign_in);
  if (!method?.oauth) return undefined;
  const secrets = via ? await openConnectionSecrets(db, vault, via) : {};
  return oauthSetup({ method, definition, secrets }, clients);
}
