import type { Db, Queryable } from './queryable.js';
import { readSetting, writeSetting } from './settings.js';
import type { Store } from './store.js';
import { StoreError } from './store-error.js';

// Marks of a move from the embedded store to PostgreSQL. At most one of the two stores is served: the embedded one
// until it is marked as left, the other once its mark is gone.

/** In the embedded store. A mark without `leftAt` is removed when the store is served again. */
export interface Leaving {
  id: string;
  /** `host:port/database` */
  to: string;
  /** ISO 8601; absent while rows are copied. */
  leftAt?: string;
}

/** In the database, until the copy is complete. */
export interface Arriving {
  /** Id of the move: a copy of another move is outdated. */
  id: string;
  /** Id of the own key of the embedded store. */
  storeKey: string;
}

const leaving = 'moving-to';
const arriving = 'moving-from';
/** Rows of `setting` that belong to one store only. */
export const settingsOfOneStore: readonly string[] = [leaving, arriving, 'tidying'];

/** @throws StoreError for an unreadable mark: it is then unknown which of the two stores may be served */
async function read<Mark>(db: Db, name: string): Promise<Mark | undefined> {
  const text = await readSetting(db, name);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Mark);
  } catch (cause) {
    throw new StoreError('The store has an unreadable mark of a move. Restore it from a backup.', {
      cause,
    });
  }
}

export const readLeaving = (db: Db) => read<Leaving>(db, leaving);
export const writeLeaving = (db: Db, mark: Leaving) => writeSetting(db, leaving, JSON.stringify(mark));
export const readArriving = (db: Db) => read<Arriving>(db, arriving);
export const writeArriving = (db: Db, mark: Arriving) => writeSetting(db, arriving, JSON.stringify(mark));

export async function forgetMarks(db: Queryable): Promise<void> {
  await db.deleteFrom('setting').where('name', 'in', [leaving, arriving]).execute();
}

export const movedTo = ({ to, leftAt }: Leaving): StoreError =>
  new StoreError(
    `The store of this folder was moved to PostgreSQL at ${to} on ${leftAt}. Name that database in MOORING_DATABASE_URL.`,
  );

/** @throws StoreError for a store that was moved, and for one whose copy is incomplete */
export async function assertNotMoved({ db }: Pick<Store, 'db'>): Promise<void> {
  const left = await readLeaving(db);
  if (left?.leftAt !== undefined) throw movedTo(left);
  if (await readArriving(db)) {
    throw new StoreError('A store is being moved to this database. Run mooring move again until it is done.');
  }
}
