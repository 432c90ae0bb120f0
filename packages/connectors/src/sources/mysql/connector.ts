import { mySqlErrors } from '../../families/mysql/errors.js';
import { openMySql } from '../../families/mysql/session.js';
import type { Connector } from '../../interface/connector.js';
import { translate } from '../../kit/errors.js';
import { toMySqlOptions } from './credentials.js';
import { mySqlTypes } from './data-types.js';
import { mySqlCatalog } from './system-catalog.js';

const vendor = { catalog: mySqlCatalog, translate: (error: unknown) => translate(mySqlErrors, error) };

/** MySQL and MariaDB over `mysql2`. */
export const connector: Connector = {
  targets: ({ host, port, sslmode }) => [
    { host: String(host), port: Number(port), tls: sslmode === 'disable' ? 'none' : 'starttls' },
  ],
  open: async (input, context) => {
    const types = mySqlTypes({ booleans: input.properties['treatTinyAsBoolean'] === true });
    return openMySql(toMySqlOptions(input), context, { ...vendor, types });
  },
};
