import type { Store } from '../../store/store.js';
import type { CredentialTable, SecretTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { loadSecret, openGrant, replaceSecret } from '../records/credential-records.js';
import { recordRenewedGrant, type StoredGrant, settled } from './grant-state.js';

// Sealed grants in the store. Every write names the version it was made from: whoever is late changes nothing.

export type CredentialRef = Pick<
  CredentialTable,
  'id' | 'tenant_id' | 'owner_id' | 'source_id' | 'name' | 'version'
>;

export interface VersionedGrant {
  grant: StoredGrant;
  version: number;
  /** Of the credential: counts its secrets as they were brought, not what was renewed of them. */
  credentialVersion: number;
  /** The provider has said that it has ended. */
  isDead: boolean;
}

/** Which grant tokens were made from. A store that was set back gives a version a second time. */
export interface GrantMark {
  version: number;
  /** Milliseconds since the epoch. */
  issuedAt: number;
}

type GrantKey = Pick<CredentialTable, 'id' | 'tenant_id' | 'owner_id'>;

export interface GrantRecords {
  /**
   * The stored grant; undefined when there is none.
   * @throws UnreadableError
   */
  find(credential: GrantKey): Promise<VersionedGrant | undefined>;
  /**
   * Puts renewed tokens in the place of the version they were made from, and ends the intent. That holds too where
   * another process was told meanwhile that the version before is dead, and where the store was set back behind that
   * version (restored, or a replica that lagged was promoted): what is newer counts.
   * @returns `gone` when the credential was deleted meanwhile, `newer` when it has another grant by now
   */
  replace(credential: GrantKey, from: GrantMark, grant: StoredGrant): Promise<'stored' | 'gone' | 'newer'>;
  /**
   * Asks for a new sign-in, while the grant that was proven dead is still the stored one.
   * @returns false when it is not, and nothing was changed
   */
  markDead(credential: GrantKey, version: number, at: string): Promise<boolean>;
}

export function createGrantRecords(store: Store, vault: Vault): GrantRecords {
  /** Whether a row holds a newer grant; one that opens no more is of no use to anybody. */
  const isNewer = (
    credential: GrantKey,
    row: SecretTable,
    { from, grant }: { from: GrantMark; grant: StoredGrant },
  ): boolean => {
    if (row.version > from.version) return true;
    try {
      const { issuedAt } = openGrant(vault, credential, row);
      const isSame = row.version === from.version && issuedAt === from.issuedAt;
      return !isSame && issuedAt > grant.issuedAt;
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      return false;
    }
  };

  return {
    async find(credential) {
      const row = await store.db
        .selectFrom('secret')
        .innerJoin('credential', 'credential.id', 'secret.record_id')
        .select([
          'secret.field',
          'secret.version',
          'secret.key_id',
          'secret.wrapped_key',
          'secret.ciphertext',
        ])
        .select(['credential.state', 'credential.version as credentialVersion'])
        .where('secret.record_kind', '=', 'credential')
        .where('secret.record_id', '=', credential.id)
        .where('secret.tenant_id', '=', credential.tenant_id)
        .where('secret.owner_id', '=', credential.owner_id)
        .where('secret.field', '=', 'grant')
        .where('credential.tenant_id', '=', credential.tenant_id)
        .where('credential.owner_id', '=', credential.owner_id)
        .executeTakeFirst();
      if (!row) return undefined;
      const grant = openGrant(vault, credential, row);
      const { version, credentialVersion, state } = row;
      return { grant, version, credentialVersion, isDead: state === 'needs_sign_in' };
    },

    replace: (credential, from, grant) =>
      store.transaction(async (tx) => {
        const row = await loadSecret(tx, credential, 'grant');
        if (!row) return 'gone';
        if (isNewer(credential, row, { from, grant })) return 'newer';
        if (!(await replaceSecret(tx, vault, credential, 'grant', row.version, grant))) return 'newer';
        await recordRenewedGrant(tx, credential, grant);
        await tx
          .updateTable('credential')
          .set({ state: 'ready' })
          .where('id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .where('owner_id', '=', credential.owner_id)
          .where('state', '=', 'needs_sign_in')
          .execute();
        return 'stored';
      }),

    markDead: (credential, version, at) =>
      store.transaction(async (tx) => {
        const row = await loadSecret(tx, credential, 'grant');
        // A newer sign-in must not suffer for the end of the old one.
        if (row?.version !== version) return false;
        await tx
          .updateTable('credential')
          .set({ state: 'needs_sign_in', updated_at: at })
          .where('id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .where('owner_id', '=', credential.owner_id)
          .execute();
        await tx
          .updateTable('grant_state')
          .set({ ...settled, keep_alive_at: null })
          .where('credential_id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .execute();
        return true;
      }),
  };
}
