import { allRevealed, hideSecrets } from '@mooring/connectors/kit/secret-fields';
import type { Login } from '@mooring/connectors/spec/connector';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import { valueFault } from '@mooring/contract/values';
import { InvalidRequest } from '../../errors/app-error.js';
import type { Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { destroySealedFields } from '../../vault/sealed-fields.js';
import {
  loadSecret,
  openLogin,
  openSecret,
  replaceSecret,
  sealContext,
  sealedRecord,
  sealedRow,
} from './credential-records.js';
import { type LoginPair, loginProperties } from './login-pair.js';
import { assertReaches, enteredBy, type Reaching } from './reach.js';

// A new secret for an existing credential, tried before it is stored. The former one stays sealed as `undo` for a
// while, and is destroyed with everything else of the credential when that is replaced or deleted.

type Fields = Readonly<Record<string, unknown>>;
type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id' | 'owner_id'>;

/** Who enters a secret, and when. */
export interface Entering {
  by: Reaching;
  at: string;
}

/** A login as it would be after the change; nothing is stored yet. */
export interface PreparedLogin {
  credential: CredentialTable;
  /** Version of the sealed login that this was made from. */
  versionRead: number;
  login: Login;
  /** Whom the source counts failed sign-ins for; empty for methods without a user. */
  userName: string;
}

export interface LoginChanges {
  /**
   * The stored login with the new pair in place.
   * @throws InvalidRequest when the source does not accept such a value
   * @throws UnreadableError
   */
  prepare(
    credential: CredentialTable,
    manifest: SourceManifest,
    method: SignInMethod,
    pair: LoginPair,
  ): Promise<PreparedLogin>;
  /**
   * Gives a credential new login fields, keeping those that are not named, its destinations and its links.
   * @returns false when it was changed meanwhile
   * @throws InvalidRequest when the source does not accept such a value
   * @throws AppError ACCESS-DENIED when a field would stay that is out of the caller's reach
   * @throws UnreadableError
   */
  change(
    tx: Tx,
    credential: CredentialTable,
    manifest: SourceManifest,
    fields: Fields,
    entered: Entering,
  ): Promise<boolean>;
  /** Stores it and keeps the former login for `undo`. @returns false when the credential was changed meanwhile */
  switchLogin(tx: Tx, prepared: PreparedLogin, entered: Entering): Promise<boolean>;
  /** Puts the former login back. @returns false when the credential was changed or deleted meanwhile */
  restore(tx: Tx, credential: CredentialRef, versionBefore: number, at: string): Promise<boolean>;
}

/**
 * What a login holds after a change of some fields.
 * @throws InvalidRequest when the source does not accept such a value
 */
function changedFields(manifest: SourceManifest, stored: Fields, fields: Fields): Fields {
  const given = allRevealed({ ...stored, ...fields });
  const parsed = manifest.properties.partial().safeParse(given);
  if (!parsed.success) {
    throw new InvalidRequest(
      parsed.error.issues.map((issue) => ({
        field: issue.path.join('.') || 'qPassword',
        message: valueFault(issue, given),
      })),
    );
  }
  // Only what a credential holds: defaults of the definition must not slip in.
  const kept = Object.entries(parsed.data).filter(([name]) => name in stored || name in fields);
  return hideSecrets(manifest, Object.fromEntries(kept));
}

async function forgetUndo(tx: Tx, credential: CredentialRef): Promise<void> {
  await destroySealedFields(tx, sealedRecord(credential), 'undo');
}

async function markChanged(
  tx: Tx,
  credential: CredentialRef,
  { by, at }: Pick<Entering, 'at'> & Partial<Entering>,
): Promise<void> {
  await tx
    .updateTable('credential')
    .set((eb) => ({
      version: eb('version', '+', 1),
      state: 'ready',
      updated_at: at,
      ...(by ? enteredBy(by, at) : {}),
    }))
    .where('id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .where('owner_id', '=', credential.owner_id)
    .execute();
}

export function createLoginChanges({ store, vault }: { store: Store; vault: Vault }): LoginChanges {
  return {
    async prepare(credential, manifest, method, pair) {
      const row = await loadSecret(store.db, credential, 'login');
      if (!row) throw new UnreadableError('the sealed login is gone');
      const kept = changedFields(
        manifest,
        openLogin(vault, credential, row, manifest),
        loginProperties(method, pair),
      );
      const [userField] = method.required.length > 1 ? method.required : [];
      return {
        credential,
        versionRead: row.version,
        login: { signIn: method.id, fields: kept },
        userName: userField === undefined ? '' : String(kept[userField] ?? ''),
      };
    },

    async change(tx, credential, manifest, fields, entered) {
      const row = await loadSecret(tx, credential, 'login');
      if (!row) throw new UnreadableError('the sealed login is gone');
      const stored = openLogin(vault, credential, row, manifest);
      if (Object.keys(stored).some((name) => !(name in fields))) assertReaches(entered.by, credential);
      const kept = changedFields(manifest, stored, fields);
      if (!(await replaceSecret(tx, vault, credential, 'login', row.version, kept))) return false;
      await markChanged(tx, credential, entered);
      return true;
    },

    async switchLogin(tx, { credential, versionRead, login }, entered) {
      const row = await loadSecret(tx, credential, 'login');
      if (row?.version !== versionRead) return false;
      const former = openSecret(vault, credential, row);
      await forgetUndo(tx, credential);
      const undo = sealedRow(vault, sealContext(credential, 'undo', versionRead), former);
      await tx.insertInto('secret').values(undo).execute();
      if (!(await replaceSecret(tx, vault, credential, 'login', versionRead, login.fields))) return false;
      await markChanged(tx, credential, entered);
      return true;
    },

    async restore(tx, credential, versionBefore, at) {
      const undo = await loadSecret(tx, credential, 'undo');
      if (undo?.version !== versionBefore) return false;
      const former = openSecret(vault, credential, undo);
      if (!(await replaceSecret(tx, vault, credential, 'login', versionBefore + 1, former))) return false;
      await forgetUndo(tx, credential);
      await markChanged(tx, credential, { at });
      return true;
    },
  };
}

/** Destroys former secrets whose time is over. A later change of the same credential keeps its own. */
export async function purgeUndoCopies(store: Store, now: Date): Promise<void> {
  await store.transaction(async (tx) => {
    const due = await tx
      .selectFrom('credential_change')
      .select(['id', 'tenant_id', 'user_id'])
      .where('status', '=', 'switched')
      .where('undo_until', '<=', now.toISOString())
      .limit(100)
      .execute();
    for (const { id, tenant_id, user_id } of due) {
      await tx
        .deleteFrom('secret')
        .where('record_kind', '=', 'credential')
        .where('field', '=', 'undo')
        .where('tenant_id', '=', tenant_id)
        .where('owner_id', '=', user_id)
        .where((eb) =>
          eb.exists(
            eb
              .selectFrom('credential_change_item')
              .select('credential_change_item.credential_id')
              .where('credential_change_item.change_id', '=', id)
              .whereRef('credential_change_item.credential_id', '=', 'secret.record_id')
              .whereRef('credential_change_item.tenant_id', '=', 'secret.tenant_id')
              .whereRef('credential_change_item.version_before', '=', 'secret.version'),
          ),
        )
        .execute();
      await tx
        .updateTable('credential_change')
        .set({ status: 'final' })
        .where('id', '=', id)
        .where('tenant_id', '=', tenant_id)
        .where('user_id', '=', user_id)
        .execute();
    }
  });
}
