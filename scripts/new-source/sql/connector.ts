import type { ConnectSql } from '../../families/sql/connection.js';
import { sqlSource } from '../../families/sql/source.js';
import type { SqlDialect } from '../../families/sql/where.js';
import type { ErrorTable } from '../../interface/errors.js';
import type { Secret } from '../../interface/secret.js';
import type { Connector } from '../../interface/source.js';
import { type TlsDemands, tlsDemands } from '../../kit/tls.js';
import type { Input } from './properties.js';

interface Options {
  host: string;
  port: number;
  database: string;
  user: string;
  password: Secret<string>;
  tls: TlsDemands | undefined;
}

// FILL IN: signs in by the driver, on `network.socket({host, port})` of the context, and answers with a `SqlConnection`.
const connect: ConnectSql<Options> = async () => {
  throw new Error('sources/new_source/connector.ts does not connect yet.');
};

// FILL IN: how the server quotes names, which comparisons it makes exactly as kit/filter.ts says, and where it puts nulls.
const dialect: SqlDialect = {
  quoted: (name) => `"${name.replaceAll('"', '""')}"`,
  comparisons: { pushed: {}, exact: {} },
  value: () => '?',
  orderedBy: (column, { direction, nulls }) => `${column} ${direction}${nulls ? ` nulls ${nulls}` : ''}`,
};

// FILL IN: the server's codes: a refused sign-in, a missing right, an unknown table, a statement that is not valid.
const errors: ErrorTable = {
  codes: {},
  fallback: { kind: 'protocol_error', message: 'The exchange with the server failed.' },
};

export const connector: Connector<Input> = sqlSource({
  connect,
  dialect,
  errors,
  options: ({ properties, login }: Input) => ({
    host: properties.host,
    port: properties.port,
    database: properties.database,
    user: login.fields.username,
    password: login.fields.password,
    tls: tlsDemands(properties.sslmode, properties.rootCertificates),
  }),
});
