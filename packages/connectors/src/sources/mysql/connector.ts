import { openMySql } from '../../families/mysql/session.js';
import type { Connector } from '../../interface/connector.js';
import { toMySqlOptions } from './credentials.js';
import { mySqlTypes } from './data-types.js';
import { translateMySqlError } from './errors.js';
import { mySqlCatalog } from './system-catalog.js';

const vendor = { catalog: mySqlCatalog, translate: translateMySqlError };

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
