import { openPostgres } from '../../families/postgres/session.js';
import type { Connector } from '../../interface/connector.js';
import { toPostgresOptions } from './credentials.js';
import { postgresTypes } from './data-types.js';
import { translatePostgresError } from './errors.js';
import { postgresCatalog } from './system-catalog.js';

const vendor = { types: postgresTypes, catalog: postgresCatalog, translate: translatePostgresError };

/** PostgreSQL over `pg`. */
export const connector: Connector = {
  targets: ({ host, port, sslmode }) => [
    { host: String(host), port: Number(port), tls: sslmode === 'disable' ? 'none' : 'starttls' },
  ],
  open: async (input, context) => openPostgres(toPostgresOptions(input), context, vendor),
};
