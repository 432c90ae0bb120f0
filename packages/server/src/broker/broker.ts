import {
  connectionSecretNames,
  missingCredentialFields,
  selectSignIn,
} from '@mooring/connectors/kit/properties';
import type { Login } from '@mooring/connectors/spec/connector';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { Config } from '../config.js';
import type { Store } from '../store/store.js';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import { UnreadableError, type Vault } from '../vault/envelope.js';
import { openConnectionSecrets } from './connection-secrets.js';
import { openSecret } from './credential-records.js';
import type { Grants } from './grants.js';
import { oauthSetup } from './oauth-setup.js';
import type { Reaching } from './reach.js';
import { type Resolution, resolveForUse } from './resolve.js';

// The one module that opens credentials. It is asked for a connection on behalf of a person, and hands the
// connector a login; it never hands a secret to a feature.

export type OpenResult =
  | {
      ok: true;
      credential?: CredentialTable;
      login: Login;
      /** As `Grants.assertAlive`, of the token that was handed out last. */
      assertAlive?: () => Promise<void>;
    }
  | { ok: false; resolution: Resolution };

export interface Broker {
  resolve(who: Reaching, connection: ConnectionTable, manifest: SourceManifest): Promise<Resolution>;
  /** The login this person uses on this connection, or why there is none. Resolves anew: nothing is handed over. */
  open(who: Reaching, connection: ConnectionTable, manifest: SourceManifest): Promise<OpenResult>;
}

export interface BrokerDependencies {
  store: Store;
  vault: Vault;
  grants: Grants;
  clients: Config['oauth']['clients'];
}

/** True for a sign-in that needs nothing of the person, such as an anonymous HTTP source. */
const needsNothing = (manifest: SourceManifest, definition: Readonly<Record<string, unknown>>): boolean => {
  const method = selectSignIn(manifest, definition);
  return method.fields.length === 0 && !method.oauth;
};

export function createBroker({ store, vault, grants, clients }: BrokerDependencies): Broker {
  /** Loads the sealed fields under the same conditions that made the credential usable, in one statement. */
  const openLoginFields = async (who: Reaching, credential: CredentialTable, connection: ConnectionTable) => {
    let statement = store.db
      .selectFrom('secret')
      .innerJoin('credential', 'credential.id', 'secret.record_id')
      .innerJoin('credential_destination', 'credential_destination.credential_id', 'credential.id')
      .innerJoin('connection', 'connection.tenant_id', 'credential.tenant_id')
      .select(['secret.key_id', 'secret.wrapped_key', 'secret.ciphertext', 'secret.version', 'secret.field'])
      .where('secret.record_kind', '=', 'credential')
      .where('secret.field', '=', 'login')
      .where('credential.id', '=', credential.id)
      .where('credential.owner_id', '=', credential.owner_id)
      .where('credential.tenant_id', '=', connection.tenant_id)
      .where('credential_destination.destination', '=', connection.destination)
      .where('connection.id', '=', connection.id)
      .where('connection.suspended_at', 'is', null);
    // What the user enters meanwhile is for the key that they enter it with.
    if (who.wayIn?.reachesSince !== undefined)
      statement = statement
        .where('credential.entered_at', '=', credential.entered_at)
        .where('connection.version', '=', connection.version);
    const row = await statement.executeTakeFirst();
    if (!row) throw new UnreadableError('the sealed login is gone');
    return openSecret(vault, credential, row) as Record<string, unknown>;
  };

  const loginOf = async (
    who: Reaching,
    credential: CredentialTable,
    connection: ConnectionTable,
    manifest: SourceManifest,
  ): Promise<{ login: Login; assertAlive?: () => Promise<void> }> => {
    const definition = JSON.parse(connection.properties) as Record<string, unknown>;
    const method = selectSignIn(manifest, definition);
    const mayKeepSecrets = connectionSecretNames(manifest).length > 0;
    const secrets = mayKeepSecrets ? await openConnectionSecrets(store.db, vault, connection) : {};
    const fields = await openLoginFields(who, credential, connection);
    if (!method.oauth) return { login: { signIn: method.id, fields } };
    const setup = oauthSetup({ method, definition, secrets, login: fields }, clients);
    const isKept = isInteractive(method.oauth);
    // Now, while the person can still be told; the connector asks for a token only in the midst of its work.
    if (isKept) await grants.assertReadable(credential);
    const source = isKept ? grants.accessToken : grants.clientToken;
    let handedOut: string | undefined;
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
    async open(who, connection, manifest) {
      const resolution = await resolveForUse(store.db, who, connection, manifest);
      const definition = JSON.parse(connection.properties) as Record<string, unknown>;
      if (resolution.state === 'missing' && needsNothing(manifest, definition)) {
        return {
          ok: true,
          login: { signIn: selectSignIn(manifest, definition).id, fields: {} },
        };
      }
      const { credential } = resolution;
      if (resolution.state !== 'ready' || !credential) return { ok: false, resolution };
      try {
        const { login, ...more } = await loginOf(who, credential, connection, manifest);
        if (missingCredentialFields(selectSignIn(manifest, definition), login.fields).length > 0) {
          return { ok: false, resolution: { ...resolution, state: 'missing' } };
        }
        return { ok: true, credential, login, ...more };
      } catch (error) {
        if (error instanceof UnreadableError)
          return { ok: false, resolution: { ...resolution, state: 'unreadable' } };
        throw error;
      }
    },
  };
}
