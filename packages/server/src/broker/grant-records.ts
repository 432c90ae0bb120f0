import type { Store } from '../store/store.js';
import type { CredentialTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { loadSecret, openSecret, replaceSecret } from './credential-records.js';
import { recordRenewedGrant, type StoredGrant } from './grant-state.js';

// Sealed grants in the store. Every write names the version it was made from: whoever is late changes nothing.

export type CredentialRef = Pick<
  CredentialTable,
  'id' | 'tenant_id' | 'owner_id' | 'source_id' | 'name' | 'version'
>;

export interface VersionedGrant {
  grant: StoredGrant;
  version: number;
}

export interface GrantRecords {
  /**
   * The stored grant; undefined when there is none.
   * @throws UnreadableError
   */
  find(credential: CredentialRef): Promise<VersionedGrant | undefined>;
  /**
   * Puts renewed tokens in the place of the version they were made from, and ends the intent.
   * @returns `gone` when the credential was deleted meanwhile, `newer` when it has another grant by now
   */
  replace(
    credential: CredentialRef,
    version: number,
    grant: StoredGrant,
  ): Promise<'stored' | 'gone' | 'newer'>;
  /** Asks for a new sign-in, while the grant that was proven dead is still the stored one. */
  markDead(credential: CredentialRef, version: number, at: string): Promise<void>;
}

export function createGrantRecords(store: Store, vault: Vault): GrantRecords {
  return {
    async find(credential) {
      const row = await loadSecret(store.db, credential, 'grant');
      if (!row) return undefined;
      const grant = openSecret(vault, credential, row) as StoredGrant;
      return { grant, version: row.version };
    },

    replace: (credential, version, grant) =>
      store.transaction(async (tx) => {
        if (await replaceSecret(tx, vault, credential, 'grant', version, grant)) {
          await recordRenewedGrant(tx, credential, grant);
          return 'stored';
        }
        return (await loadSecret(tx, credential, 'grant')) ? 'newer' : 'gone';
      }),

    markDead: (credential, version, at) =>
      store.transaction(async (tx) => {
        const row = await loadSecret(tx, credential, 'grant');
        // A newer sign-in must not suffer for the end of the old one.
        if (row?.version !== version) return;
        await tx
          .updateTable('credential')
          .set({ state: 'needs_sign_in', updated_at: at })
          .where('id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .execute();
        await tx
          .updateTable('grant_state')
          .set({ intent_version: null, attempts: 0, failures: 0, not_before: null, keep_alive_at: null })
          .where('credential_id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .execute();
      }),
  };
}
