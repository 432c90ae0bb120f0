import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './tables.js';

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;
/** Where statements run: the store itself or an open transaction. */
export type Queryable = Db | Tx;
