import { type ConnectionSecrets, selectSignIn } from '@mooring/connectors/kit/properties';
import type { Catalogue } from '../../catalogue/catalogue.js';
import type { Config } from '../../config/config.js';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Queryable } from '../../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import { type OAuthSetup, oauthSetup } from '../grants/oauth-setup.js';
import { openConnectionSecrets, openConnectionSecretsToEnd } from '../records/connection-secrets.js';

export interface CredentialSetupDependencies {
  vault: Vault;
  catalogue: Catalogue;
  clients: Config['oauth']['clients'];
}

/**
 * The connection an embedded credential belongs to, or one that uses a separated one: only where its person has
 * allowed the destination, as a token endpoint is part of that.
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

function setupVia(
  { catalogue, clients }: Pick<CredentialSetupDependencies, 'catalogue' | 'clients'>,
  credential: CredentialTable,
  via: ConnectionTable | undefined,
  secrets: ConnectionSecrets,
): OAuthSetup | undefined {
  const manifest = catalogue.get(credential.source_id);
  const definition = via ? definitionOf(via) : {};
  const method = via
    ? selectSignIn(manifest, definition)
    : manifest.signIns.find((signIn) => signIn.id === credential.sign_in);
  return method?.oauth && oauthSetup({ method, definition, secrets }, clients);
}

/**
 * Where the grant of a credential came from, to renew it without a use: while nobody uses it, and by the page of its
 * sign-in.
 * @param connection that it is for; absent: one that the credential may be used on
 * @returns undefined for a credential that has no OAuth sign-in, and while its login waits for who gave it
 * @throws AppError when the client is no longer configured, or its secret may not serve; UnreadableError when it
 * cannot be opened
 */
export async function setupToRenew(
  db: Queryable,
  deps: CredentialSetupDependencies,
  credential: CredentialTable,
  connection?: ConnectionTable,
): Promise<OAuthSetup | undefined> {
  const all = connection ? [connection] : await connectionsOf(db, credential).execute();
  const via = all.find(({ suspended_at }) => suspended_at === null);
  if (!via && all.length > 0) return undefined;
  const who = { userId: credential.owner_id };
  const secrets = via ? await openConnectionSecrets(db, deps.vault, who, via) : {};
  return setupVia(deps, credential, via, secrets);
}

/**
 * As {@link setupToRenew}, for the end of the grant, which nothing keeps from its provider.
 * @param connection as it was when the grant came
 */
export async function setupToEnd(
  db: Queryable,
  deps: CredentialSetupDependencies,
  credential: CredentialTable,
  connection?: ConnectionTable,
): Promise<OAuthSetup | undefined> {
  const via = connection ?? (await connectionsOf(db, credential).executeTakeFirst());
  const secrets = via ? await openConnectionSecretsToEnd(db, deps.vault, via) : {};
  return setupVia(deps, credential, via, secrets);
}
