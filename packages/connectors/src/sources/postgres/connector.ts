import { postgresErrors } from '../../families/postgres/errors.js';
import { openPostgres } from '../../families/postgres/session.js';
import type { Connector } from '../../interface/connector.js';
import { translate } from '../../kit/errors.js';
import { toPostgresOptions } from './credentials.js';
import { postgresTypes } from './data-types.js';
import { postgresCatalog } from './system-catalog.js';

const vendor = {
  types: postgresTypes,
  catalog: postgresCatalog,
  translate: (error: unknown) => translate(postgresErrors, error),
};

/** PostgreSQL over `pg`. */
export const connector: Connector = {
  targets: ({ host, port, sslmode }) => [
    { host: String(host), port: Number(port), tls: sslmode === 'disable' ? 'none' : 'starttls' },
  ],
  open: async (input, context) => openPostgres(toPostgresOptions(input), context, vendor),
};
