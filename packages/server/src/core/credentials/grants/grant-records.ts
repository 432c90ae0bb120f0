import type { Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, SecretTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { changeCredential } from '../records/credential-records.js';
import { type CredentialKey, loadSecret, openGrant, replaceSecret } from '../records/sealed-secrets.js';
import { recordRefreshedGrant, type StoredGrant, settled } from './grant-state.js';

// Sealed grants in the store. Every write names the version it was made from: a late writer changes nothing.

export type CredentialRef = Pick<
  CredentialTable,
  'id' | 'tenant_id' | 'owner_id' | 'source_id' | 'name' | 'version'
>;

export interface VersionedGrant {
  grant: StoredGrant;
  version: number;
  /** Of the credential: counts the secrets that its user entered, not their refreshes. */
  credentialVersion: number;
  /** The provider has ended it. */
  isDead: boolean;
}

/** Which grant tokens were made from. A store that was restored gives a version a second time. */
export interface GrantMark {
  version: number;
  /** Milliseconds since the epoch. */
  issuedAt: number;
}

export type GrantRecords = ReturnType<typeof createGrantRecords>;

export const createGrantRecords = (store: Store, vault: Vault) => ({
  /** @throws UnreadableError */
  async find(credential: CredentialKey): Promise<VersionedGrant | undefined> {
    const row = await store.db
      .selectFrom('secret')
      .innerJoin('credential', 'credential.id', 'secret.record_id')
      .select(['secret.field', 'secret.version', 'secret.key_id', 'secret.wrapped_key', 'secret.ciphertext'])
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

  /**
   * Replaces the version that the refreshed tokens were made from, and ends the intent. Also if another process has
   * since found the version before dead, and if the store was set back behind that version (restored from a backup,
   * or a lagging replica promoted): the newer tokens win.
   * @returns `gone` if the credential has been deleted, `newer` if it has another grant
   */
  replace: (credential: CredentialKey, from: GrantMark, grant: StoredGrant) =>
    store.transaction((tx) => replaceGrant(tx, vault, credential, { from, grant })),

  /**
   * Requires a new sign-in if the grant that was proven dead is still the stored one.
   * @returns false if it is not; nothing was changed
   */
  markDead: (credential: CredentialKey, version: number): Promise<boolean> =>
    store.transaction(async (tx) => {
      const row = await loadSecret(tx, credential, 'grant');
      // The end of the old grant must not end a newer sign-in.
      if (row?.version !== version) return false;
      await changeCredential(tx, credential, { state: 'needs_sign_in', updated_at: store.clock.iso() });
      await tx
        .updateTable('grant_state')
        .set({ ...settled, keep_alive_at: null })
        .where('credential_id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .execute();
      return true;
    }),
});

interface Replacement {
  from: GrantMark;
  grant: StoredGrant;
}

/** Whether a row holds a newer grant. One that cannot be opened is of no use. */
function isNewer(vault: Vault, credential: CredentialKey, row: SecretTable, { from, grant }: Replacement) {
  if (row.version > from.version) return true;
  try {
    const { issuedAt } = openGrant(vault, credential, row);
    const isSame = row.version === from.version && issuedAt === from.issuedAt;
    return !isSame && issuedAt > grant.issuedAt;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return false;
  }
}

async function replaceGrant(
  tx: Tx,
  vault: Vault,
  credential: CredentialKey,
  { from, grant }: Replacement,
): Promise<'stored' | 'gone' | 'newer'> {
  const row = await loadSecret(tx, credential, 'grant');
  if (!row) return 'gone';
  if (isNewer(vault, credential, row, { from, grant })) return 'newer';
  const fresh = { versionRead: row.version, value: grant };
  if (!(await replaceSecret(tx, vault, { credential, field: 'grant' }, fresh))) return 'newer';
  await recordRefreshedGrant(tx, credential, grant);
  await tx
    .updateTable('credential')
    .set({ state: 'ready' })
    .where('id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .where('owner_id', '=', credential.owner_id)
    .where('state', '=', 'needs_sign_in')
    .execute();
  return 'stored';
}
