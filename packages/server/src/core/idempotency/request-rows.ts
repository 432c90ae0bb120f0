import type { Clock } from '../store/clock.js';
import type { Db } from '../store/queryable.js';
import type { IdempotentRequestTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { type Kept, openKept, type RequestId, sealKept } from './kept-answer.js';

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

const freshMs = 10_000;
const usersMax = 10_000;

/**
 * Size of a user's kept answers: read from the store now and then, and counted here in between.
 * @param max bytes; 0: no limit
 */
function createKeptBytes(max: number, ask: (user: string) => Promise<number>) {
  const known = new Map<string, { bytes: number; at: number }>();
  return {
    /** True when the user may keep no more. */
    async isFull(user: string): Promise<boolean> {
      if (max === 0) return false;
      let entry = known.get(user);
      if (!entry || performance.now() - entry.at > freshMs) {
        entry = { bytes: await ask(user), at: performance.now() };
        if (known.size >= usersMax) known.clear();
        known.set(user, entry);
      }
      return entry.bytes >= max;
    },
    add(user: string, bytes: number): void {
      const entry = known.get(user);
      if (entry) entry.bytes += bytes;
    },
  };
}

export type RequestRows = ReturnType<typeof createRequestRows>;

/** The rows of `idempotent_request`. A row is claimed by one request, which alone answers it. */
export function createRequestRows({ db, clock, vault, bytesPerUser }: RequestRowsDependencies) {
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
    find: (id: RequestId): Promise<IdempotentRequestTable | undefined> =>
      db
        .selectFrom('idempotent_request')
        .selectAll()
        .where('tenant_id', '=', id.tenant_id)
        .where('user_id', '=', id.user_id)
        .where('route', '=', id.route)
        .where('key_hash', '=', id.key_hash)
        .executeTakeFirst(),
    /** @throws AppError `IDEMPOTENCY-OUTCOME-UNKNOWN` when it does not open */
    open: (row: IdempotentRequestTable): Kept => openKept(vault, row),
    /** @returns false when another request holds the claim */
    async claim(id: RequestId, claim: string, kept: Kept): Promise<boolean> {
      const result = await db
        .insertInto('idempotent_request')
        .values({ ...id, claim, is_answered: 0, ...sealed(id, kept), created_at: clock.iso() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },
    /** Stores the answer under the claim. */
    // Async, because sealing throws while the active key is unknown: that must be a rejection too.
    keep: async (id: RequestId, claim: string, kept: Kept): Promise<unknown> =>
      db
        .updateTable('idempotent_request')
        .set({ is_answered: 1, ...sealed(id, kept) })
        .where('claim', '=', claim)
        .execute(),
    release: (claim: string): Promise<unknown> =>
      db.deleteFrom('idempotent_request').where('claim', '=', claim).execute(),
    /** True when the user's kept answers have reached their limit. */
    isFull: (id: RequestId): Promise<boolean> => keptBytes.isFull(nameOf(id)),
  };
}
