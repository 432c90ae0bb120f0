import { connectPostgres } from '../../families/postgres/connection.js';
import { postgresDialect } from '../../families/postgres/dialect.js';
import { postgresErrors } from '../../families/postgres/errors.js';
import { postgresOptions } from '../../families/postgres/options.js';
import { sqlSource } from '../../families/sql/source.js';
import type { Connector } from '../../interface/source.js';
import { postgresTypes } from './data-types.js';
import type { Input } from './properties.js';
import { postgresCatalog } from './system-catalog.js';

/** PostgreSQL over `pg`. */
export const connector: Connector<Input> = sqlSource({
  connect: connectPostgres({ types: postgresTypes, catalog: postgresCatalog }),
  dialect: postgresDialect,
  errors: postgresErrors,
  options: ({ properties, login }: Input) =>
    postgresOptions({ ...properties, database: properties.db, ...login.fields }),
});
