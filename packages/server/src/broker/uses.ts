import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import { hmacSha256 } from '../vault/digest.js';
import type { SealContext, Vault } from '../vault/envelope.js';
import type { OwnSecrets } from '../vault/own-secrets.js';
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

export const useKeyContext = (tenantId: string): SealContext => ({
  tenantId,
  recordKind: 'use-key',
  recordId: tenantId,
  ownerId: '',
  version: 1,
  field: 'key',
});

/** The key of a tenant's hashes. */
function createHashKeys(secrets: OwnSecrets): (tenantId: string) => Promise<Buffer> {
  const known = new Map<string, Buffer>();
  return async (tenantId) => {
    const found = known.get(tenantId);
    if (found) return found;
    const { value } = await secrets.get(useKeyContext(tenantId), () => newHex(32));
    const key = Buffer.from(value as string, 'hex');
    known.set(tenantId, key);
    return key;
  };
}

export function createUseLog(store: Store, vault: Vault, secrets: OwnSecrets): UseLog {
  const add = createAppender(store, vault);
  const keyOf = createHashKeys(secrets);
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
      const seq = await add({ ...common, ...none, at: store.clock.iso(), result: 'started', of_seq: null });
      return {
        async finish(result, { rows = null, bytes = null } = {}) {
          await add({ ...common, rows, bytes, at: store.clock.iso(), result, of_seq: seq });
        },
      };
    },
  };
}
