import { connectPostgres } from '../../families/postgres/connection.js';
import { postgresTypes } from '../../families/postgres/data-types.js';
import { postgresDialect } from '../../families/postgres/dialect.js';
import { postgresErrors } from '../../families/postgres/errors.js';
import { postgresOptions } from '../../families/postgres/options.js';
import { postgresParts } from '../../families/postgres/parts.js';
import { postgresCatalog } from '../../families/postgres/system-catalog.js';
import { sqlSource } from '../../families/sql/source.js';
import type { Connector } from '../../interface/source.js';
import { withCertificate } from '../../kit/with-certificate.js';
import type { Input } from './properties.js';

/** PostgreSQL over `pg`. */
export const connector: Connector<Input> = withCertificate(
  sqlSource({
    connect: connectPostgres({ types: postgresTypes, catalog: postgresCatalog, parts: postgresParts }),
    dialect: postgresDialect,
    errors: postgresErrors,
    options: ({ properties, login }: Input) =>
      postgresOptions({ ...properties, database: properties.db, ...login.fields }),
  }),
);
