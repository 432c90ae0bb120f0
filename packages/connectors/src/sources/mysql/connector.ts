import { connectMySql } from '../../families/mysql/connection.js';
import { mySqlDialect } from '../../families/mysql/dialect.js';
import { mySqlErrors } from '../../families/mysql/errors.js';
import { mySqlOptions } from '../../families/mysql/options.js';
import { sqlSource } from '../../families/sql/source.js';
import type { Connector } from '../../interface/source.js';
import { mySqlTypes } from './data-types.js';
import type { Input } from './properties.js';
import { mySqlCatalog } from './system-catalog.js';

/** MySQL and MariaDB over `mysql2`. */
export const connector: Connector<Input> = sqlSource({
  connect: connectMySql({ product: 'MySQL', catalog: mySqlCatalog }),
  dialect: mySqlDialect,
  errors: mySqlErrors,
  options: ({ properties, login }: Input) => ({
    ...mySqlOptions({ ...properties, ...login.fields }),
    types: mySqlTypes({ booleans: properties.treatTinyAsBoolean === true }),
  }),
});
