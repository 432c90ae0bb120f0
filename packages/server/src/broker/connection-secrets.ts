import { AppError } from '../http/app-error.js';
import type { Queryable, Tx } from '../store/store.js';
import type { ConnectionTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';

// Secrets of a connection itself, such as the client secret of its own OAuth registration. They are bound to the
// connection and to the person who gave them, who need not own it any more.

type ConnectionRef = Pick<ConnectionTable, 'id' | 'tenant_id'>;

const context = (connection: ConnectionRef, ownerId: string, version: number): SealContext => ({
  tenantId: connection.tenant_id,
  recordKind: 'connection',
  recordId: connection.id,
  ownerId,
  version,
  field: 'secrets',
});

/** @param ownerId who gives them */
export async function insertConnectionSecrets(
  tx: Tx,
  vault: Vault,
  { connection, ownerId }: { connection: ConnectionRef; ownerId: string },
  secrets: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (Object.keys(secrets).length === 0) return;
  const sealed = vault.seal(secrets, context(connection, ownerId, 1));
  await tx
    .insertInto('secret')
    .values({
      tenant_id: connection.tenant_id,
      record_kind: 'connection',
      record_id: connection.id,
      field: 'secrets',
      owner_id: ownerId,
      version: 1,
      key_id: sealed.keyId,
      wrapped_key: sealed.wrappedKey,
      ciphertext: sealed.ciphertext,
    })
    .execute();
}

const sealedSecrets = (db: Queryable, connection: ConnectionRef) =>
  db
    .selectFrom('secret')
    .where('record_kind', '=', 'connection')
    .where('record_id', '=', connection.id)
    .where('tenant_id', '=', connection.tenant_id);

/** Who gave the secrets of a connection; undefined when it has none. */
export async function ownerOfConnectionSecrets(
  db: Queryable,
  connection: ConnectionRef,
): Promise<string | undefined> {
  return (await sealedSecrets(db, connection).select('owner_id').executeTakeFirst())?.owner_id;
}

/** @throws UnreadableError */
export async function openConnectionSecrets(
  db: Queryable,
  vault: Vault,
  connection: ConnectionRef,
): Promise<Record<string, unknown>> {
  const row = await sealedSecrets(db, connection).selectAll().executeTakeFirst();
  if (!row) return {};
  const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
  return vault.open(sealed, context(connection, row.owner_id, row.version)) as Record<string, unknown>;
}

/**
 * For a change that needs them, such as a new sign-in.
 * @throws AppError CREDENTIALS-REQUIRED when they cannot be opened
 */
export async function openConnectionSecretsOrRefuse(
  db: Queryable,
  vault: Vault,
  connection: ConnectionRef & Pick<ConnectionTable, 'source_id'>,
): Promise<Record<string, unknown>> {
  try {
    return await openConnectionSecrets(db, vault, connection);
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new AppError(
      'CREDENTIALS-REQUIRED',
      "The connection's own secret cannot be opened. Its owner must give it again.",
      {
        meta: {
          reason: 'unreadable',
          connectionId: connection.id,
          dataSourceId: connection.source_id,
          bring: `/api/v1/data-connections/${connection.id}`,
        },
        cause,
      },
    );
  }
}

export async function shredConnectionSecrets(tx: Tx, tenantId: string, connectionId: string): Promise<void> {
  await tx
    .deleteFrom('secret')
    .where('record_kind', '=', 'connection')
    .where('record_id', '=', connectionId)
    .where('tenant_id', '=', tenantId)
    .execute();
}

/** For a change that may bring them anew: secrets that cannot be opened count as none. */
export async function openConnectionSecretsOrNone(
  db: Queryable,
  vault: Vault,
  connection: ConnectionRef,
): Promise<Record<string, unknown>> {
  try {
    return await openConnectionSecrets(db, vault, connection);
  } catch (error) {
    if (error instanceof UnreadableError) return {};
    throw error;
  }
}
