import { type ConnectionSecrets, selectSignIn } from '@mooring/connectors/kit/properties';
import type { Catalogue } from '../../catalogue/catalogue.js';
import type { Config } from '../../config/config.js';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import { type ClientConfiguration, clientConfiguration } from '../grants/client-configuration.js';
import { openConnectionSecrets, openConnectionSecretsToEnd } from '../records/connection-secrets.js';

export interface CredentialConfigurationDependencies {
  vault: Vault;
  catalogue: Catalogue;
  clients: Config['oauth']['clients'];
}

/**
 * The connection of an embedded credential, or one that uses a separated one: only if its user has allowed the destination,
 * as a token endpoint is part of it.
 */
function connectionsOf(db: Queryable, credential: CredentialTable) {
  const connections = db
    .selectFrom('connection')
    .innerJoin('credential_destination', 'credential_destination.destination', 'connection.destination')
    .selectAll('connection')
    .where('credential_destination.credential_id', '=', credential.id)
    .where('connection.tenant_id', '=', credential.tenant_id);
  if (credential.connection_id !== null)
    return connections.where('connection.id', '=', credential.connection_id);
  return connections
    .innerJoin('credential_link', (join) =>
      join
        .onRef('credential_link.connection_id', '=', 'connection.id')
        .onRef('credential_link.tenant_id', '=', 'connection.tenant_id'),
    )
    .where('credential_link.credential_id', '=', credential.id);
}

function configurationVia(
  { catalogue, clients }: Pick<CredentialConfigurationDependencies, 'catalogue' | 'clients'>,
  credential: CredentialTable,
  via: ConnectionTable | undefined,
  secrets: ConnectionSecrets,
): ClientConfiguration | undefined {
  const manifest = catalogue.get(credential.source_id);
  const definition = via ? definitionOf(via) : {};
  const method = via
    ? selectSignIn(manifest, definition)
    : manifest.signIns.find((signIn) => signIn.id === credential.sign_in);
  return method?.oauth && clientConfiguration({ method, definition, secrets }, clients);
}

/**
 * Endpoints and client of a credential's grant, to refresh it while idle, or to renew it by the page of its sign-in.
 * @param connection that it is for; absent: one that the credential may be used on
 * @returns undefined for a credential without an OAuth sign-in, and while its login is suspended
 * @throws AppError if the client is no longer configured, or its secret may not serve; UnreadableError
 */
export async function configurationOfCredential(
  db: Queryable,
  deps: CredentialConfigurationDependencies,
  credential: CredentialTable,
  connection?: ConnectionTable,
): Promise<ClientConfiguration | undefined> {
  const all = connection ? [connection] : await connectionsOf(db, credential).execute();
  const via = all.find(({ suspended_at }) => suspended_at === null);
  if (!via && all.length > 0) return undefined;
  const who = { userId: credential.owner_id };
  const secrets = via ? await openConnectionSecrets(db, deps.vault, who, via) : {};
  return configurationVia(deps, credential, via, secrets);
}

/**
 * As {@link configurationOfCredential}, for the revocation of the grant, which a suspension does not stop.
 * @param connection as it was when the grant was issued
 */
export async function configurationToRevoke(
  db: Queryable,
  deps: CredentialConfigurationDependencies,
  credential: CredentialTable,
  connection?: ConnectionTable,
): Promise<ClientConfiguration | undefined> {
  const via = connection ?? (await connectionsOf(db, credential).executeTakeFirst());
  const secrets = via ? await openConnectionSecretsToEnd(db, deps.vault, via) : {};
  return configurationVia(deps, credential, via, secrets);
}
