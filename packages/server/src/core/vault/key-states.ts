import type { Queryable } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { StoredKeyring } from './stored-keyring.js';

export interface VaultKeyState {
  id: string;
  state: 'coming' | 'active' | 'previous';
  createdAt: string;
  replacedAt?: string;
  /** Rows whose data key is under this key. */
  records: number;
  wraps: number;
}

/** Counts the rows whose data key is under this key. */
export async function recordsUnder(db: Queryable, id: string): Promise<number> {
  const counts = await Promise.all(
    (['secret', 'idempotent_request'] as const).map((table) =>
      db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll().as('count'))
        .where('key_id', '=', id)
        .executeTakeFirstOrThrow(),
    ),
  );
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
}

export async function listKeys(store: Store, keyring: StoredKeyring): Promise<VaultKeyState[]> {
  const rows = await keyring.refresh();
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      state: row.state,
      createdAt: row.created_at,
      ...(row.replaced_at === null ? {} : { replacedAt: row.replaced_at }),
      records: await recordsUnder(store.db, row.id),
      wraps: Number(row.wraps),
    })),
  );
}
