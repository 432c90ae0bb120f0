import type { Connector } from '../../interface/source.js';
import { withCertificate } from '../../kit/with-certificate.js';
import { sqlSource } from '../sql/source.js';
import { connectMySql } from './connection.js';
import { mySqlTypes } from './data-types.js';
import { mySqlDialect } from './dialect.js';
import { mySqlErrors } from './errors.js';
import { mySqlOptions } from './options.js';
import type { MySqlInput } from './properties.js';
import { mySqlCatalog } from './system-catalog.js';

/** A server that speaks MySQL's protocol, over `mysql2`. */
export const mySqlConnector = (product: string): Connector<MySqlInput> =>
  withCertificate(
    sqlSource({
      connect: connectMySql({ product, catalog: mySqlCatalog }),
      dialect: mySqlDialect,
      errors: mySqlErrors,
      options: (input: MySqlInput) => ({
        ...mySqlOptions(input),
        types: mySqlTypes({ booleans: input.properties.treatTinyAsBoolean === true }),
      }),
    }),
  );
