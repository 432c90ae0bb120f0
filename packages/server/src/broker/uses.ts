import type { Db, Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import { hmacSha256 } from '../vault/digest.js';
import type { SealContext, Vault } from '../vault/envelope.js';
import { newHex } from '../vault/random.js';
import { appendUses, type NewUse } from './use-chain.js';

// Who used which credential, when, for what. A use is recorded before the source is contacted, and its outcome
// before the answer ends.

export interface UseRecord {
  tenantId: string;
  userId: string;
  /** API key or access token that it is asked with. */
  keyId: string;
  connectionId: string;
  credentialId: string | null;
  credentialOwnerId: string | null;
  credentialVersion: number | null;
  action: string;
  /** Path or query; kept as a keyed hash only. */
  what?: unknown;
}

export interface UseTicket {
  /** Records the outcome: `ok`, `truncated`, `cancelled`, `revoked` or an error code, and how much was given. */
  finish(result: string, given?: { rows?: number; bytes?: number }): Promise<void>;
}

export interface UseLog {
  /** Writes the record durably; rejects when it cannot, and then the use must not happen. */
  begin(use: UseRecord): Promise<UseTicket>;
}

interface Waiting {
  record: NewUse;
  placed(seq: number): void;
  failed(error: unknown): void;
}

const recordsAtOnce = 200;
/** Other nodes append to the same chain; not every database tells a place that was just taken from a conflict. */
const appendsMax = 8;

async function appendAfterOthers(store: Store, vault: Vault, records: readonly NewUse[]): Promise<number[]> {
  for (let time = 1; ; time += 1) {
    try {
      return await store.transaction((tx) => appendUses(tx, vault, records));
    } catch (error) {
      if (!isUniqueViolation(error) || time === appendsMax) throw error;
    }
  }
}

/**
 * Everybody waits for the end of one chain, so whatever comes while a transaction runs goes into the next one
 * together.
 */
function createAppender(store: Store, vault: Vault): (record: NewUse) => Promise<number> {
  let waiting: Waiting[] = [];
  let isRunning = false;

  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, recordsAtOnce);
      waiting = waiting.slice(recordsAtOnce);
      try {
        const seqs = await appendAfterOthers(
          store,
          vault,
          batch.map(({ record }) => record),
        );
        batch.forEach((one, index) => {
          one.placed(seqs[index] ?? 0);
        });
      } catch (error) {
        for (const one of batch) one.failed(error);
      }
    }
    isRunning = false;
  };

  return (record) =>
    new Promise((placed, failed) => {
      waiting.push({ record, placed, failed });
      if (!isRunning) void run();
    });
}

const keyContext = (tenantId: string): SealContext => ({
  tenantId,
  recordKind: 'use-key',
  recordId: tenantId,
  ownerId: '',
  version: 1,
  field: 'key',
});

/** The key of a tenant's hashes, made when it is first needed; of nodes that make one at once the first wins. */
function createHashKeys(db: Db, vault: Vault): (tenantId: string) => Promise<Buffer> {
  const known = new Map<string, Buffer>();
  const stored = async (tenantId: string): Promise<Buffer | undefined> => {
    const row = await db
      .selectFrom('secret')
      .selectAll()
      .where('record_kind', '=', 'use-key')
      .where('record_id', '=', tenantId)
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst();
    if (!row) return undefined;
    const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
    return Buffer.from(vault.open(sealed, keyContext(tenantId)) as string, 'hex');
  };
  return async (tenantId) => {
    const found = known.get(tenantId) ?? (await stored(tenantId));
    if (found) {
      known.set(tenantId, found);
      return found;
    }
    const { keyId, wrappedKey, ciphertext } = vault.seal(newHex(32), keyContext(tenantId));
    await db
      .insertInto('secret')
      .values({
        ...{ tenant_id: tenantId, record_kind: 'use-key', record_id: tenantId, field: 'key', owner_id: '' },
        ...{ version: 1, key_id: keyId, wrapped_key: wrappedKey, ciphertext },
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const made = await stored(tenantId);
    if (!made) throw new Error('the key of the record of uses was stored and cannot be read');
    return made;
  };
}

export function createUseLog(store: Store, vault: Vault, now: () => Date = () => new Date()): UseLog {
  const add = createAppender(store, vault);
  const keyOf = createHashKeys(store.db, vault);
  return {
    async begin(use) {
      const common = {
        tenant_id: use.tenantId,
        user_id: use.userId,
        key_id: use.keyId,
        connection_id: use.connectionId,
        credential_id: use.credentialId,
        credential_owner_id: use.credentialOwnerId,
        credential_version: use.credentialVersion,
        action: use.action,
        what_hash:
          use.what === undefined ? null : hmacSha256(await keyOf(use.tenantId), JSON.stringify(use.what)),
      };
      const none = { rows: null, bytes: null };
      const seq = await add({ ...common, ...none, at: now().toISOString(), result: 'started', of_seq: null });
      return {
        async finish(result, { rows = null, bytes = null } = {}) {
          await add({ ...common, rows, bytes, at: now().toISOString(), result, of_seq: seq });
        },
      };
    },
  };
}
