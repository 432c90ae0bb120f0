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
import { type LoginPair, loginProperties } from './login-pair.js';
import { assertReaches, enteredBy, type Reaching } from './reach.js';
import {
  loadSecret,
  openLogin,
  openSecret,
  replaceSecret,
  sealContext,
  sealedRecord,
  sealedRow,
} from './sealed-secrets.js';

// A new secret for an existing credential. After a credential change the former one stays sealed as `undo` for a while;
// it is destroyed with everything else of the credential when that is replaced or deleted.

type Fields = Readonly<Record<string, unknown>>;
type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id' | 'owner_id'>;

const field = 'login';

/** Who enters a secret, and when. */
export interface Entering {
  by: Reaching;
  at: string;
}

/** A login after the change; nothing is stored yet. */
export interface PreparedLogin {
  credential: CredentialTable;
  /** Version of the sealed login that it was made from. */
  versionRead: number;
  login: Login;
  /** For whom the source counts failed sign-ins; empty for methods without a user name. */
  userName: string;
}

export interface LoginUpdates {
  /**
   * The stored login with the new pair.
   * @throws InvalidRequest for a value that the source does not accept
   * @throws UnreadableError
   */
  prepare(
    credential: CredentialTable,
    manifest: SourceManifest,
    method: SignInMethod,
    pair: LoginPair,
  ): Promise<PreparedLogin>;
  /**
   * Gives a credential new login fields; keeps the fields that are not named, its destinations and its links.
   * @returns false if it has changed since
   * @throws InvalidRequest for a value that the source does not accept
   * @throws AppError ACCESS-DENIED if a field would stay that the caller does not reach
   * @throws UnreadableError
   */
  update(
    tx: Tx,
    credential: CredentialTable,
    manifest: SourceManifest,
    update: { fields: Fields; entered: Entering },
  ): Promise<boolean>;
  /** Stores it and keeps the former login as `undo`. @returns false if the credential has changed since */
  switchLogin(tx: Tx, prepared: PreparedLogin, entered: Entering): Promise<boolean>;
  /** Restores the former login. @returns false if the credential has changed or is gone */
  restore(tx: Tx, credential: CredentialRef, versionBefore: number, at: string): Promise<boolean>;
}

/** @throws InvalidRequest for a value that the source does not accept */
function updatedFields(manifest: SourceManifest, stored: Fields, fields: Fields): Fields {
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
  // Without what the schema adds: defaults of the definition are not part of a login.
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

export function createLoginUpdates({ store, vault }: { store: Store; vault: Vault }): LoginUpdates {
  return {
    async prepare(credential, manifest, method, pair) {
      const row = await loadSecret(store.db, credential, 'login');
      if (!row) throw new UnreadableError('the sealed login is gone');
      const kept = updatedFields(
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

    async update(tx, credential, manifest, { fields, entered }) {
      const row = await loadSecret(tx, credential, 'login');
      if (!row) throw new UnreadableError('the sealed login is gone');
      const stored = openLogin(vault, credential, row, manifest);
      if (Object.keys(stored).some((name) => !(name in fields))) assertReaches(entered.by, credential);
      const kept = updatedFields(manifest, stored, fields);
      if (!(await replaceSecret(tx, vault, { credential, field }, { versionRead: row.version, value: kept })))
        return false;
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
      const changed = { versionRead, value: login.fields };
      if (!(await replaceSecret(tx, vault, { credential, field }, changed))) return false;
      await markChanged(tx, credential, entered);
      return true;
    },

    async restore(tx, credential, versionBefore, at) {
      const undo = await loadSecret(tx, credential, 'undo');
      if (undo?.version !== versionBefore) return false;
      const former = openSecret(vault, credential, undo);
      const restored = { versionRead: versionBefore + 1, value: former };
      if (!(await replaceSecret(tx, vault, { credential, field }, restored))) return false;
      await forgetUndo(tx, credential);
      await markChanged(tx, credential, { at });
      return true;
    },
  };
}

/** Destroys former secrets whose time is over, but not those of a later change of the same credential. */
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
