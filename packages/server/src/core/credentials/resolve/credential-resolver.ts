import { lackingOf, needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { definitionOf } from '../../store/decoded-rows.js';
import type { ConnectionTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import type { Reaching } from '../records/reach.js';
import { type OpenedLogin, type OpenLoginDependencies, openUsersLogin } from './open-login.js';
import { type Resolution, resolveForUse } from './resolve.js';

// The only module that opens credentials for a use. It opens one for a connection and a user, and gives the login to the
// connector; a feature never gets a secret.

export type OpenResult = ({ ok: true } & OpenedLogin) | { ok: false; resolution: Resolution };

export interface CredentialResolver {
  resolve(who: Reaching, connection: ConnectionTable, manifest: SourceManifest): Promise<Resolution>;
  /**
   * The login of the credential that was resolved, and no other: what is opened is what the usage log records.
   * @throws AppError NOT-READY if credential, link or connection have changed since
   */
  open(
    who: Reaching,
    connection: ConnectionTable,
    manifest: SourceManifest,
    resolution: Resolution,
  ): Promise<OpenResult>;
}

export const createCredentialResolver = (deps: OpenLoginDependencies): CredentialResolver => ({
  resolve: (who, connection, manifest) => resolveForUse(deps.store.db, who, connection, manifest),

  async open(who, connection, manifest, resolution) {
    const definition = definitionOf(connection);
    if (resolution.state === 'missing') {
      const method = selectSignIn(manifest, definition);
      if (needsNoLogin(method)) return { ok: true, login: { signIn: method.id, fields: {} } };
    }
    const { credential } = resolution;
    if (resolution.state !== 'ready' || !credential) return { ok: false, resolution };
    try {
      const { login, ...more } = await openUsersLogin(deps, { who, credential, connection, manifest });
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
});
