import type { Clock } from '../store/clock.js';
import type { Db } from '../store/queryable.js';
import type { IdempotentRequestTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { type Kept, openKept, type RequestId, sealKept } from './kept-answer.js';
import { createKeptBytes } from './kept-bytes.js';

/** The rows of `idempotent_request`. A row is claimed by one request, which alone answers it. */
export interface RequestRows {
  find(id: RequestId): Promise<IdempotentRequestTable | undefined>;
  /** @throws AppError `IDEMPOTENCY-OUTCOME-UNKNOWN` when it does not open */
  open(row: IdempotentRequestTable): Kept;
  /** @returns false when another request holds the claim */
  claim(id: RequestId, claim: string, kept: Kept): Promise<boolean>;
  /** Stores the answer under the claim. */
  keep(id: RequestId, claim: string, kept: Kept): Promise<unknown>;
  release(claim: string): Promise<unknown>;
  /** True when the user's kept answers have reached their limit. */
  isFull(id: RequestId): Promise<boolean>;
}

export interface RequestRowsDependencies {
  db: Db;
  /** The store's: nodes must agree on the age of a claim. */
  clock: Clock;
  vault: Vault;
  /** Limit of one user's kept answers; 0: no limit. */
  bytesPerUser: number;
}

type User = Pick<RequestId, 'tenant_id' | 'user_id'>;

async function bytesOf(db: Db, { tenant_id, user_id }: User): Promise<number> {
  const { bytes } = await db
    .selectFrom('idempotent_request')
    .select((eb) => eb.fn.sum<number | null>('bytes').as('bytes'))
    .where('tenant_id', '=', tenant_id)
    .where('user_id', '=', user_id)
    .executeTakeFirstOrThrow();
  return Number(bytes ?? 0);
}

export function createRequestRows({ db, clock, vault, bytesPerUser }: RequestRowsDependencies): RequestRows {
  const keptBytes = createKeptBytes(bytesPerUser, (user) => {
    const [tenant_id, user_id] = JSON.parse(user) as [string, string];
    return bytesOf(db, { tenant_id, user_id });
  });
  const nameOf = ({ tenant_id, user_id }: User) => JSON.stringify([tenant_id, user_id]);
  const sealed = (id: RequestId, kept: Kept) => {
    const columns = sealKept(vault, id, kept);
    keptBytes.add(nameOf(id), columns.bytes);
    return columns;
  };

  return {
    find: (id) =>
      db
        .selectFrom('idempotent_request')
        .selectAll()
        .where('tenant_id', '=', id.tenant_id)
        .where('user_id', '=', id.user_id)
        .where('route', '=', id.route)
        .where('key_hash', '=', id.key_hash)
        .executeTakeFirst(),
    open: (row) => openKept(vault, row),
    async claim(id, claim, kept) {
      const result = await db
        .insertInto('idempotent_request')
        .values({ ...id, claim, is_answered: 0, ...sealed(id, kept), created_at: clock.iso() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },
    // Async, because sealing throws while the active key is unknown: that must be a rejection too.
    keep: async (id, claim, kept) =>
      db
        .updateTable('idempotent_request')
        .set({ is_answered: 1, ...sealed(id, kept) })
        .where('claim', '=', claim)
        .execute(),
    release: (claim) => db.deleteFrom('idempotent_request').where('claim', '=', claim).execute(),
    isFull: (id) => keptBytes.isFull(nameOf(id)),
  };
}
