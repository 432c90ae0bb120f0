import { newHex } from '../crypto/random.js';
import type { Queryable } from '../store/queryable.js';
import { type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';

// The keys that the record of uses is signed with: of a tenant, sealed by the vault, one after another. Version 1 is of
// version 0.1, which used it for the hashes of what was asked; a later one is made with the first checkpoint that it
// signs, so that a key without a checkpoint shows that checkpoints were removed.

export interface RecordKey {
  version: number;
  key: Buffer;
}

export const firstKeyVersion = 2;

const fieldOf = (version: number): string => (version === 1 ? 'key' : `key-${version}`);

const contextOf = (tenantId: string, version: number): SealContext => ({
  tenantId,
  recordKind: 'use-key',
  recordId: tenantId,
  ownerId: '',
  version,
  field: fieldOf(version),
});

/** No user: they are the tenant's. */
const rowsOf = (db: Queryable, tenantId: string) =>
  db
    .selectFrom('secret')
    .selectAll()
    .where('record_kind', '=', 'use-key')
    .where('record_id', '=', tenantId)
    .where('tenant_id', '=', tenantId)
    .orderBy('version', 'desc');

/** Version of the newest key, 0 when there is none. */
export async function newestKeyVersion(db: Queryable, tenantId: string): Promise<number> {
  return (await rowsOf(db, tenantId).limit(1).executeTakeFirst())?.version ?? 0;
}

/**
 * A key as it is stored.
 * @returns undefined when there is none
 * @throws UnreadableError
 */
export async function openRecordKey(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  version: number,
): Promise<Buffer | undefined> {
  const row = await rowsOf(db, tenantId).where('version', '=', version).executeTakeFirst();
  if (!row) return undefined;
  const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
  return Buffer.from(vault.open(sealed, contextOf(tenantId, version)).reveal() as string, 'hex');
}

/** A key that is lost, or opens no more, is as good as none. */
export async function findRecordKey(
  db: Queryable,
  vault: Vault,
  tenantId: string,
  version: number,
): Promise<Buffer | undefined> {
  try {
    return await openRecordKey(db, vault, tenantId, version);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/** False when the newest key of a tenant's record opens no more; a record that is not begun yet needs none. */
export async function recordKeyOpens(db: Queryable, vault: Vault, tenantId: string): Promise<boolean> {
  const newest = await newestKeyVersion(db, tenantId);
  return newest < firstKeyVersion || (await findRecordKey(db, vault, tenantId, newest)) !== undefined;
}

export async function makeRecordKey(
  tx: Queryable,
  vault: Vault,
  tenantId: string,
  version: number,
): Promise<RecordKey> {
  const hex = newHex(32);
  const { keyId, wrappedKey, ciphertext } = vault.seal(hex, contextOf(tenantId, version));
  await tx
    .insertInto('secret')
    .values({
      ...{ tenant_id: tenantId, record_kind: 'use-key', record_id: tenantId, field: fieldOf(version) },
      ...{ owner_id: '', version, key_id: keyId, wrapped_key: wrappedKey, ciphertext },
    })
    .execute();
  return { version, key: Buffer.from(hex, 'hex') };
}
