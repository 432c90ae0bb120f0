import { connectClickHouse } from '../../families/clickhouse/connection.js';
import { clickHouseDialect } from '../../families/clickhouse/dialect.js';
import { clickHouseErrors } from '../../families/clickhouse/errors.js';
import { sqlSource } from '../../families/sql/source.js';
import type { Connector } from '../../interface/source.js';
import { certificateOptions } from '../../kit/client-certificate.js';
import { withCertificate } from '../../kit/with-certificate.js';
import { addressOf, type Input } from './properties.js';
import { clickHouseCatalog } from './system-catalog.js';

/** ClickHouse over its HTTP interface; results arrive as Arrow and pass as they are. */
export const connector: Connector<Input> = withCertificate(
  sqlSource({
    connect: connectClickHouse(clickHouseCatalog),
    dialect: clickHouseDialect,
    errors: clickHouseErrors,
    options: ({ properties, login }: Input) => ({
      ...addressOf(properties),
      database: properties.database,
      ...login.fields,
      ...(login.method === 'certificate' ? { clientCertificate: certificateOptions(login.fields) } : {}),
    }),
  }),
);
