import type { Migration } from 'kysely';
import * as firstTables from './0001-first-tables.js';

/** Forward only, in the order of their names. */
export const migrations: Record<string, Migration> = {
  '0001-first-tables': firstTables,
};
