import { lackingOf, needsNoLogin } from '@mooring/connectors/kit/login-parts';
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
import type { Grants } from '../grants/grants.js';
import { oauthSetup } from '../grants/oauth-setup.js';
import { openConnectionSecrets } from '../records/connection-secrets.js';
import { openLogin } from '../records/credential-records.js';
import type { Reaching } from '../records/reach.js';
import { type Resolution, resolveForUse } from './resolve.js';

// The one module that opens credentials. It is asked for a connection on behalf of a person, and hands the
// connector a login; it never hands a secret to a feature.

export type OpenResult =
  | {
      ok: true;
      login: Login;
      /** As `Grants.assertAlive`, of the token that was handed out last. */
      assertAlive?: () => Promise<void>;
    }
  | { ok: false; resolution: Resolution };

export interface Broker {
  resolve(who: Reaching, connection: ConnectionTable, manifest: SourceManifest): Promise<Resolution>;
  /**
   * The login of the credential that was resolved, and no other: what is on record is what is opened.
   * @throws AppError NOT-READY when credential, link or connection were changed since
   */
  open(
    who: Reaching,
    connection: ConnectionTable,
    manifest: SourceManifest,
    resolution: Resolution,
  ): Promise<OpenResult>;
}

export interface BrokerDependencies {
  store: Store;
  vault: Vault;
  grants: Grants;
  clients: Config['oauth']['clients'];
}

/** True for a sign-in that needs nothing of the person, such as an anonymous HTTP source. */
const changedMeanwhile = () =>
  new AppError('NOT-READY', 'The credential or the connection was changed as this use began. Try again.', {
    retryAfterSeconds: 1,
  });

export function createBroker({ store, vault, grants, clients }: BrokerDependencies): Broker {
  /** Loads the sealed fields under the same conditions that made the credential usable, in one statement. */
  const openLoginFields = async (
    who: Reaching,
    credential: CredentialTable,
    connection: ConnectionTable,
    manifest: SourceManifest,
  ) => {
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
    // What the user enters meanwhile is for the key that they enter it with.
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
  };

  const loginOf = async (
    who: Reaching,
    credential: CredentialTable,
    connection: ConnectionTable,
    manifest: SourceManifest,
  ): Promise<{ login: Login; assertAlive?: () => Promise<void> }> => {
    const definition = definitionOf(connection);
    const method = selectSignIn(manifest, definition);
    const mayKeepSecrets = connectionSecretNames(manifest).length > 0;
    const secrets = mayKeepSecrets ? await openConnectionSecrets(store.db, vault, who, connection) : {};
    const fields = await openLoginFields(who, credential, connection, manifest);
    if (!method.oauth) return { login: { signIn: method.id, fields } };
    const setup = oauthSetup({ method, definition, secrets, login: fields }, clients);
    const isKept = isInteractive(method.oauth);
    // Now, while the person can still be told; the connector asks for a token only in the midst of its work.
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
          // The token this session used is the one that was refused; others may have renewed it since.
          handedOut = await source(
            credential,
            setup,
            options.renew && handedOut ? { refused: handedOut } : {},
          );
          return handedOut;
        },
      },
      async assertAlive() {
        if (isKept) await grants.assertAlive(credential, setup, { handedOut, askedAt });
      },
    };
  };

  return {
    resolve: (who, connection, manifest) => resolveForUse(store.db, who, connection, manifest),
    async open(who, connection, manifest, resolution) {
      const definition = definitionOf(connection);
      if (resolution.state === 'missing' && needsNoLogin(selectSignIn(manifest, definition))) {
        return {
          ok: true,
          login: { signIn: selectSignIn(manifest, definition).id, fields: {} },
        };
      }
      const { credential } = resolution;
      if (resolution.state !== 'ready' || !credential) return { ok: false, resolution };
      try {
        const { login, ...more } = await loginOf(who, credential, connection, manifest);
        if (lackingOf(selectSignIn(manifest, definition), definition, login.fields).length > 0) {
          return { ok: false, resolution: { ...resolution, state: 'missing' } };
        }
        return { ok: true, login, ...more };
      } catch (error) {
        if (error instanceof UnreadableError)
          return { ok: false, resolution: { ...resolution, state: 'unreadable' } };
        throw error;
      }
    },
  };
}
