import { connectionSecretNames, selectSignIn } from '@mooring/connectors/kit/properties';
import type { Login } from '@mooring/connectors/spec/connector';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Secret } from '@mooring/connectors/spec/secret';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { Config } from '../../config/config.js';
import { AppError } from '../../errors/app-error.js';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Store } from '../../store/store.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { clientConfiguration } from '../grants/client-configuration.js';
import type { Grants } from '../grants/grants.js';
import { openConnectionSecrets } from '../records/connection-secrets.js';
import type { Reaching } from '../records/reach.js';
import { openLogin } from '../records/sealed-secrets.js';

export interface OpenLoginDependencies {
  store: Store;
  vault: Vault;
  grants: Grants;
  clients: Config['oauth']['clients'];
}

/** Who uses which credential on which connection. */
export interface LoginUse {
  who: Reaching;
  credential: CredentialTable;
  connection: ConnectionTable;
  manifest: SourceManifest;
}

export interface OpenedLogin {
  login: Login;
  /** As `Grants.assertAlive`, for the token that was handed out last. */
  assertAlive?: () => Promise<void>;
}

const changedMeanwhile = () =>
  new AppError('NOT-READY', 'The credential or the connection changed as this use began. Try again.', {
    retryAfterSeconds: 1,
  });

/**
 * Opens a login, with access to the tokens of its grant if the method is OAuth.
 * @throws AppError NOT-READY if credential, link or connection have changed since; UnreadableError
 */
export async function openUsersLogin(deps: OpenLoginDependencies, use: LoginUse): Promise<OpenedLogin> {
  const { store, vault, grants, clients } = deps;
  const { who, credential, connection, manifest } = use;
  const definition = definitionOf(connection);
  const method = selectSignIn(manifest, definition);
  const mayKeepSecrets = connectionSecretNames(manifest).length > 0;
  const secrets = mayKeepSecrets ? await openConnectionSecrets(store.db, vault, who, connection) : {};
  const fields = await openLoginFields(deps, use);
  if (!method.oauth) return { login: { signIn: method.id, fields } };
  const setup = clientConfiguration({ method, definition, secrets, login: fields }, clients);
  const isKept = isInteractive(method.oauth);
  // Now, while the error can still reach the user; the connector asks for a token only in the midst of its work.
  if (isKept) await grants.assertReadable(credential);
  const source = isKept ? grants.accessToken : grants.clientToken;
  let handedOut: Secret<string> | undefined;
  let askedAt = store.clock.now();
  return {
    login: {
      signIn: method.id,
      fields,
      async accessToken(options = {}) {
        askedAt = store.clock.now();
        // The source refused the token that this session used; others may have refreshed it since.
        handedOut = await source(credential, setup, options.renew && handedOut ? { refused: handedOut } : {});
        return handedOut;
      },
    },
    async assertAlive() {
      if (isKept) await grants.assertAlive(credential, setup, { handedOut, askedAt });
    },
  };
}

/** Loads the sealed fields under the same conditions that made the credential usable, in one statement. */
async function openLoginFields(
  { store, vault }: OpenLoginDependencies,
  { who, credential, connection, manifest }: LoginUse,
) {
  let statement = store.db
    .selectFrom('credential')
    .innerJoin('credential_destination', 'credential_destination.credential_id', 'credential.id')
    .innerJoin('connection', 'connection.tenant_id', 'credential.tenant_id')
    .leftJoin('secret', (join) =>
      join
        .onRef('secret.record_id', '=', 'credential.id')
        .onRef('secret.tenant_id', '=', 'credential.tenant_id')
        .on('secret.record_kind', '=', 'credential')
        .on('secret.field', '=', 'login'),
    )
    .select(['secret.key_id', 'secret.wrapped_key', 'secret.ciphertext', 'secret.version'])
    .where('credential.id', '=', credential.id)
    .where('credential.version', '=', credential.version)
    .where('credential.owner_id', '=', credential.owner_id)
    .where('credential.tenant_id', '=', connection.tenant_id)
    .where('credential_destination.destination', '=', connection.destination)
    .where('connection.id', '=', connection.id)
    .where('connection.separated', '=', connection.separated)
    .where('connection.suspended_at', 'is', null);
  if (connection.separated === 1)
    statement = statement
      .innerJoin('credential_link', 'credential_link.credential_id', 'credential.id')
      .where('credential_link.tenant_id', '=', connection.tenant_id)
      .where('credential_link.connection_id', '=', connection.id)
      .where('credential_link.user_id', '=', who.userId);
  else statement = statement.where('credential.connection_id', '=', connection.id);
  // A secret that is entered meanwhile is for the key that it is entered with.
  if (who.wayIn?.reachesSince !== undefined)
    statement = statement
      .where('credential.entered_at', '=', credential.entered_at)
      .where('connection.version', '=', connection.version);
  const row = await statement.executeTakeFirst();
  if (!row) throw changedMeanwhile();
  const { key_id, wrapped_key, ciphertext, version } = row;
  if (key_id === null || wrapped_key === null || ciphertext === null || version === null)
    throw new UnreadableError('the sealed login is gone');
  const sealed = { field: 'login', key_id, wrapped_key, ciphertext, version };
  return openLogin(vault, credential, sealed, manifest);
}
