import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { Network } from '@mooring/connectors/spec/network';
import type { Logger } from 'pino';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Config } from '../config.js';
import { revokeToken } from '../oauth/revocation.js';
import type { TokenSet } from '../oauth/types.js';
import type { Store } from '../store/store.js';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import { UnreadableError, type Vault } from '../vault/envelope.js';
import { openConnectionSecrets } from './connection-secrets.js';
import { sealContext } from './credential-records.js';
import { oauthSetup } from './oauth-setup.js';

/** Telling the provider that a grant has ended. */
export interface Revocation {
  /** Sends it without holding up the answer; the outcome goes to the log. */
  send(): void;
}

export interface Revoker {
  /** Takes the token while the vault can still open it; undefined when the credential holds no grant. */
  prepare(
    credential: CredentialTable,
    connection: ConnectionTable | undefined,
  ): Promise<Revocation | undefined>;
  /** Resolves when every revocation that was sent has ended. */
  settled(): Promise<void>;
}

export interface RevokerDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  catalogue: Catalogue;
  clients: Config['oauth']['clients'];
  log: Logger;
}

export function createRevoker({
  store,
  vault,
  network,
  catalogue,
  clients,
  log,
}: RevokerDependencies): Revoker {
  const underWay = new Set<Promise<void>>();

  /** The connection an embedded credential belongs to, or one that uses a separated one. */
  const anyConnectionOf = (credential: CredentialTable) => {
    const connections = store.db
      .selectFrom('connection')
      .selectAll('connection')
      .where('connection.tenant_id', '=', credential.tenant_id);
    if (credential.connection_id !== null) {
      return connections.where('connection.id', '=', credential.connection_id).executeTakeFirst();
    }
    return connections
      .innerJoin('credential_link', 'credential_link.connection_id', 'connection.id')
      .where('credential_link.credential_id', '=', credential.id)
      .executeTakeFirst();
  };

  return {
    async prepare(credential, connection) {
      const row = await store.db
        .selectFrom('secret')
        .selectAll()
        .where('record_kind', '=', 'credential')
        .where('record_id', '=', credential.id)
        .where('field', '=', 'grant')
        .executeTakeFirst();
      if (!row) return undefined;
      try {
        const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
        const { tokens } = vault.open(sealed, sealContext(credential, 'grant', row.version)) as {
          tokens: TokenSet;
        };
        const manifest = catalogue.get(credential.source_id);
        const via = connection ?? (await anyConnectionOf(credential));
        const definition = via ? (JSON.parse(via.properties) as Record<string, unknown>) : {};
        const method = via
          ? selectSignIn(manifest, definition)
          : manifest.signIns.find((signIn) => signIn.id === credential.sign_in);
        if (!method?.oauth) return undefined;
        const secrets = via ? await openConnectionSecrets(store.db, vault, via) : {};
        const setup = oauthSetup({ method, definition, secrets }, clients);
        return {
          send() {
            const token = tokens.refreshToken ?? tokens.accessToken;
            const work = revokeToken({ ...setup, token, network })
              .catch(() => 'failed' as const)
              .then((outcome) =>
                log.info({ credentialId: credential.id, outcome }, 'grant revoked at the provider'),
              )
              .finally(() => underWay.delete(work));
            underWay.add(work);
          },
        };
      } catch (error) {
        // An unreadable grant or a client that is no longer configured must not keep a person from deleting.
        const reason = error instanceof UnreadableError ? 'unreadable' : 'not configured';
        log.warn({ credentialId: credential.id, reason }, 'grant cannot be revoked at the provider');
        return undefined;
      }
    },
    async settled() {
      await Promise.all(underWay);
    },
  };
}
