import type { Login } from '@mooring/connectors/interface/login';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { Secret } from '@mooring/connectors/interface/secret';
import type { SignInMethod } from '@mooring/connectors/interface/sign-in';
import { allRevealed, hideSecrets } from '@mooring/connectors/kit/secret-fields';
import { valueFault } from '@mooring/contract/values';
import { sql } from 'kysely';
import { InvalidRequest, invalidField } from '../../errors/app-error.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import { destroySealedFields } from '../../vault/sealed-fields.js';
import type { CredentialDependencies } from '../dependencies.js';
import { changeCredential } from './credential-records.js';
import { assertReaches, enteredBy, type Reaching } from './reach.js';
import {
  type CredentialKey,
  insertSealed,
  loadSecret,
  openLogin,
  openSecret,
  replaceSecret,
  sealContext,
  sealedRecord,
} from './sealed-secrets.js';

// A new secret for an existing credential. After a credential change the former one stays sealed as `undo` for a while;
// it is destroyed with everything else of the credential when that is replaced or deleted.

type Fields = Readonly<Record<string, unknown>>;

const field = 'login';

/** The pair in which Qlik's API carries a credential. */
export interface LoginPair {
  qUsername?: string | undefined;
  qPassword?: Secret<string> | undefined;
}

/** The pair of a request, its password hidden. */
export const loginPair = ({
  qUsername,
  qPassword,
}: {
  qUsername?: string | undefined;
  qPassword?: string | undefined;
}): LoginPair => ({ qUsername, qPassword: qPassword === undefined ? undefined : new Secret(qPassword) });

/**
 * The pair as properties of the source: the two fields that a sign-in method requires (user and password, access key and
 * secret key), or its one secret. Nothing for an empty pair.
 * @throws InvalidRequest for a method without such fields
 */
export function loginProperties(method: SignInMethod, login: LoginPair): Record<string, unknown> {
  if (login.qUsername === undefined && login.qPassword === undefined) return {};
  const [first, second, third] = method.required;
  const [userField, secretField] = second === undefined ? [undefined, first] : [first, second];
  if (secretField === undefined || third !== undefined) {
    throw invalidField('qPassword', `is not used for sign-in by ${method.label}`);
  }
  if (login.qUsername && userField === undefined) {
    throw invalidField('qUsername', `is not used for sign-in by ${method.label}`);
  }
  return {
    ...(login.qUsername !== undefined && userField !== undefined ? { [userField]: login.qUsername } : {}),
    ...(login.qPassword === undefined ? {} : { [secretField]: login.qPassword }),
  };
}

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

const forgetUndo = (tx: Tx, credential: CredentialKey): Promise<void> =>
  destroySealedFields(tx, sealedRecord(credential), 'undo');

const markChanged = (
  tx: Tx,
  credential: CredentialKey,
  { by, at }: Pick<Entering, 'at'> & Partial<Entering>,
) =>
  changeCredential(tx, credential, {
    version: sql<number>`version + 1`,
    state: 'ready',
    updated_at: at,
    ...(by ? enteredBy(by, at) : {}),
  });

export type LoginUpdates = ReturnType<typeof createLoginUpdates>;

export function createLoginUpdates({ store, vault }: Pick<CredentialDependencies, 'store' | 'vault'>) {
  const load = async (db: Queryable, credential: CredentialTable) => {
    const row = await loadSecret(db, credential, field);
    if (!row) throw new UnreadableError('the sealed login is gone');
    return row;
  };
  return {
    /**
     * The stored login with the new pair.
     * @throws InvalidRequest for a value that the source does not accept
     * @throws UnreadableError
     */
    async prepare(
      credential: CredentialTable,
      manifest: SourceManifest,
      method: SignInMethod,
      pair: LoginPair,
    ): Promise<PreparedLogin> {
      const row = await load(store.db, credential);
      const stored = openLogin(vault, credential, row, manifest);
      const fields = updatedFields(manifest, stored, loginProperties(method, pair));
      const [userField] = method.required.length > 1 ? method.required : [];
      return {
        credential,
        versionRead: row.version,
        login: { method: method.id, fields },
        userName: userField === undefined ? '' : String(fields[userField] ?? ''),
      };
    },

    /**
     * Gives a credential new login fields; keeps the fields that are not named, its destinations and its links.
     * @returns false if it has changed since
     * @throws InvalidRequest for a value that the source does not accept
     * @throws AppError ACCESS-DENIED if a field would stay that the caller does not reach
     * @throws UnreadableError
     */
    async update(
      tx: Tx,
      credential: CredentialTable,
      manifest: SourceManifest,
      { fields, entered }: { fields: Fields; entered: Entering },
    ): Promise<boolean> {
      const row = await load(tx, credential);
      const stored = openLogin(vault, credential, row, manifest);
      if (Object.keys(stored).some((name) => !(name in fields))) assertReaches(entered.by, credential);
      const changed = { versionRead: row.version, value: updatedFields(manifest, stored, fields) };
      if (!(await replaceSecret(tx, vault, { credential, field }, changed))) return false;
      return markChanged(tx, credential, entered);
    },

    /** Stores it and keeps the former login as `undo`. @returns false if the credential has changed since */
    async switchLogin(
      tx: Tx,
      { credential, versionRead, login }: PreparedLogin,
      entered: Entering,
    ): Promise<boolean> {
      const row = await loadSecret(tx, credential, field);
      if (row?.version !== versionRead) return false;
      const former = openSecret(vault, credential, row);
      await forgetUndo(tx, credential);
      await insertSealed(tx, vault, sealContext(credential, 'undo', versionRead), former);
      const changed = { versionRead, value: login.fields };
      if (!(await replaceSecret(tx, vault, { credential, field }, changed))) return false;
      return markChanged(tx, credential, entered);
    },

    /** Restores the former login. @returns false if the credential has changed or is gone */
    async restore(tx: Tx, credential: CredentialKey, versionBefore: number, at: string): Promise<boolean> {
      const undo = await loadSecret(tx, credential, 'undo');
      if (undo?.version !== versionBefore) return false;
      const former = openSecret(vault, credential, undo);
      const restored = { versionRead: versionBefore + 1, value: former };
      if (!(await replaceSecret(tx, vault, { credential, field }, restored))) return false;
      await forgetUndo(tx, credential);
      return markChanged(tx, credential, { at });
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
