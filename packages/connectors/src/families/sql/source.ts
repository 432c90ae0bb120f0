import type { ErrorTable } from '../../interface/errors.js';
import type { Connector } from '../../interface/source.js';
import type { ConnectSql } from './connection.js';
import { sqlSession } from './session.js';
import type { SqlDialect } from './where.js';

/** What makes a source of a SQL server. */
export interface SqlFamily<Input, Options> {
  connect: ConnectSql<Options>;
  dialect: SqlDialect;
  errors: ErrorTable;
  /** The driver's options. Pure. */
  options(input: Input): Options;
}

export const sqlSource = <Input, Options>({
  connect,
  dialect,
  errors,
  options,
}: SqlFamily<Input, Options>): Connector<Input> => ({
  errors,
  open: async (input, context) => sqlSession(await connect(options(input), context), dialect),
});
