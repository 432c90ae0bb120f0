import type { Kysely, Transaction } from 'kysely';
import type { Clock } from './clock.js';
import type { Tables } from './tables.js';

interface Timed {
  /** The store's clock, for the times that statements write. */
  readonly clock: Clock;
}

export type Db = Kysely<Tables> & Timed;
export type Tx = Transaction<Tables> & Timed;
/** Where statements run: the store itself or an open transaction. */
export type Queryable = Db | Tx;
