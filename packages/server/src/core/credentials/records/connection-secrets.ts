import type { ConnectionSecrets } from '@mooring/connectors/kit/properties';
import { hideAll } from '@mooring/connectors/kit/secret-fields';
import type { CredentialState } from '@mooring/contract/routes/connection-credential';
import { AppError } from '../../errors/app-error.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { ConnectionTable, SecretTable } from '../../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from '../../vault/envelope.js';
import { fromSealedColumns, type SealedColumns } from '../../vault/sealed-fields.js';
import { type Reaching, reachesSecretsOf } from './reach.js';
import { insertSealed } from './sealed-secrets.js';

// Secrets of a connection itself, such as the client secret of its own OAuth registration. They are bound to the
// connection and to the user who entered them, who may no longer own it.

type ConnectionRef = Pick<ConnectionTable, 'id' | 'tenant_id'>;

const context = (connection: ConnectionRef, ownerId: string, version: number): SealContext => ({
  tenantId: connection.tenant_id,
  recordKind: 'connection',
  recordId: connection.id,
  ownerId,
  version,
  field: 'secrets',
});

/** @param ownerId who enters them */
export async function insertConnectionSecrets(
  tx: Tx,
  vault: Vault,
  { connection, ownerId }: { connection: ConnectionRef; ownerId: string },
  secrets: ConnectionSecrets,
): Promise<void> {
  if (Object.keys(secrets).length > 0)
    await insertSealed(tx, vault, context(connection, ownerId, 1), secrets);
}

/** No user: any editor of a connection may enter its secrets, and their owner is looked up here. */
const sealedSecrets = (db: Queryable, connection: ConnectionRef) =>
  db
    .selectFrom('secret')
    .where('record_kind', '=', 'connection')
    .where('record_id', '=', connection.id)
    .where('tenant_id', '=', connection.tenant_id);

/** Who entered the secrets of a connection; undefined if it has none. */
export async function ownerOfConnectionSecrets(
  db: Queryable,
  connection: ConnectionRef,
): Promise<string | undefined> {
  return (await sealedSecrets(db, connection).select('owner_id').executeTakeFirst())?.owner_id;
}

/** @throws UnreadableError */
export function openSealedSecrets(
  vault: Vault,
  connection: ConnectionRef,
  row: SealedColumns & Pick<SecretTable, 'owner_id' | 'version'>,
): ConnectionSecrets {
  const opened = vault.open(fromSealedColumns(row), context(connection, row.owner_id, row.version));
  return hideAll(opened.reveal() as Record<string, unknown>);
}

type OpenedRef = ConnectionRef & Pick<ConnectionTable, 'source_id'>;

const required = (reason: CredentialState, detail: string, connection: OpenedRef, cause?: unknown) =>
  new AppError('CREDENTIALS-REQUIRED', detail, {
    meta: {
      reason,
      connectionId: connection.id,
      dataSourceId: connection.source_id,
      bring: `/api/v1/data-connections/${connection.id}`,
    },
    cause,
  });

/**
 * Opens them on behalf of a user, for a sign-in that adds, renews or refreshes a credential. Whether they may serve that
 * user is judged by the connection as it is in the same statement, not as it was loaded.
 * @returns `{}` if the connection has none
 * @throws AppError CREDENTIALS-REQUIRED while the login is suspended, except for the user who entered it, and if the key
 * does not reach it; UnreadableError
 */
export async function openConnectionSecrets(
  db: Queryable,
  vault: Vault,
  who: Reaching,
  connection: OpenedRef,
): Promise<ConnectionSecrets> {
  // No user: they serve all users of the connection.
  const row = await db
    .selectFrom('secret')
    .innerJoin('connection', (join) =>
      join
        .onRef('connection.id', '=', 'secret.record_id')
        .onRef('connection.tenant_id', '=', 'secret.tenant_id'),
    )
    .selectAll('secret')
    .select(['connection.suspended_at', 'connection.secrets_entered_at', 'connection.secrets_entered_with'])
    .where('secret.record_kind', '=', 'connection')
    .where('secret.record_id', '=', connection.id)
    .where('secret.tenant_id', '=', connection.tenant_id)
    .executeTakeFirst();
  if (!row) return {};
  if (row.suspended_at !== null && row.owner_id !== who.userId) {
    const detail =
      "The connection's own secret is suspended: the user who entered it must confirm, or an editor of the connection must enter it again.";
    throw required('needs_confirmation', detail, connection);
  }
  if (!reachesSecretsOf(who, row, row.owner_id)) {
    const detail =
      "Your API key came from an invitation and does not reach the connection's own secret, which is older. Approve the key with an earlier one of yours.";
    throw required('needs_approval', detail, connection);
  }
  return openSealedSecrets(vault, connection, row);
}

/**
 * As {@link openConnectionSecrets}, for an answer to the user.
 * @throws AppError CREDENTIALS-REQUIRED also if they cannot be opened
 */
export async function openConnectionSecretsOrRefuse(
  db: Queryable,
  vault: Vault,
  who: Reaching,
  connection: OpenedRef,
): Promise<ConnectionSecrets> {
  try {
    return await openConnectionSecrets(db, vault, who, connection);
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    const detail = "The connection's own secret cannot be opened. Its owner must enter it again.";
    throw required('unreadable', detail, connection, cause);
  }
}

/**
 * For a revocation, also while suspended: moving the connection must not keep the grant alive.
 * @throws UnreadableError
 */
export async function openConnectionSecretsToEnd(
  db: Queryable,
  vault: Vault,
  connection: ConnectionRef,
): Promise<ConnectionSecrets> {
  const row = await sealedSecrets(db, connection).selectAll().executeTakeFirst();
  return row ? openSealedSecrets(vault, connection, row) : {};
}

/**
 * For an update of the connection, which may enter them again: `{}` also if they cannot be opened. Whether the update may
 * use them is judged by `assertReachesKept` and by {@link openConnectionSecretsOrRefuse}.
 */
export async function openConnectionSecretsOrNone(
  db: Queryable,
  vault: Vault,
  connection: ConnectionRef,
): Promise<ConnectionSecrets> {
  try {
    return await openConnectionSecretsToEnd(db, vault, connection);
  } catch (error) {
    if (error instanceof UnreadableError) return {};
    throw error;
  }
}

/** No user: secrets that another user entered are destroyed too. */
export async function shredConnectionSecrets(tx: Tx, tenantId: string, connectionId: string): Promise<void> {
  await tx
    .deleteFrom('secret')
    .where('record_kind', '=', 'connection')
    .where('record_id', '=', connectionId)
    .where('tenant_id', '=', tenantId)
    .execute();
}
