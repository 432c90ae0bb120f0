import { newHex } from '../crypto/random.js';
import type { Queryable } from '../store/queryable.js';
import { type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';
import { fromSealedColumns, secretRow } from '../vault/sealed-fields.js';

// The keys that sign a tenant's usage log, sealed by the vault, one after another. Version 1 is from Mooring 0.1,
// which used it for the hashes of requests. A later one is created with the first checkpoint that it signs, so that a
// key without a checkpoint shows that checkpoints were removed.

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

/** No user: they belong to the tenant. */
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
 * A stored key, opened.
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
  return Buffer.from(
    vault.open(fromSealedColumns(row), contextOf(tenantId, version)).reveal() as string,
    'hex',
  );
}

/** As `openRecordKey`, but undefined for a key that does not open. */
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

/** False when the newest key of a tenant's usage log no longer opens; a log that has not begun needs none. */
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
  const context = contextOf(tenantId, version);
  await tx
    .insertInto('secret')
    .values(secretRow(context, vault.seal(hex, context)))
    .execute();
  return { version, key: Buffer.from(hex, 'hex') };
}
