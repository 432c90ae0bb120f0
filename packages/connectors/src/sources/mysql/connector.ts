import { openMySql } from '../../families/mysql/session.js';
import type { Connector } from '../../spec/connector.js';
import { mySqlCatalogue } from './catalogue.js';
import { toMySqlOptions } from './credentials.js';
import { mySqlType } from './data-types.js';
import { translateMySqlError } from './errors.js';

const vendor = { types: mySqlType, catalogue: mySqlCatalogue, translate: translateMySqlError };

/** MySQL and MariaDB over `mysql2`. */
export const connector: Connector = {
  targets: ({ host, port, sslmode }) => [
    { host: String(host), port: Number(port), tls: sslmode === 'disable' ? 'none' : 'starttls' },
  ],
  open: async (input, context) => openMySql(toMySqlOptions(input), context, vendor),
};
