// A session with a SQL server: the same work over each protocol.
import type { ReadPlan, ReadRequest } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import { browseSql, tableOf } from './browse.js';
import type { SqlConnection, SqlStatement } from './connection.js';

/** What differs between dialects in the statements that we write. */
export interface SqlDialect {
  /** A name as an identifier; a dot in it is part of the name. */
  quoted(name: string): string;
}

/**
 * The statement of a request: the query of its author, or a `select` from the table at its path.
 * @throws ConnectorError `not_found` for a path that does not name a table
 */
function statementOf(
  { target, columns, asText = [], limit }: ReadRequest,
  { quoted }: SqlDialect,
): SqlStatement {
  if ('query' in target) {
    const { query, parameters } = target;
    return {
      text: query,
      asText,
      ...(parameters ? { parameters } : {}),
      ...(columns ? { pick: columns } : {}),
    };
  }
  const from = tableOf(target.path).map(quoted).join('.');
  const text = `select ${columns?.map(quoted).join(', ') ?? '*'} from ${from}`;
  return { asText, text: limit === undefined ? text : `${text} limit ${Math.trunc(limit)}` };
}

/** After a failure, which counts: a connection that is lost cannot be rolled back either. */
const rolledBack = (connection: SqlConnection): Promise<unknown> =>
  connection.rollBack().catch(() => undefined);

/** A path is read in one statement, in a transaction that is rolled back. */
async function planOf(
  connection: SqlConnection,
  request: ReadRequest,
  dialect: SqlDialect,
): Promise<ReadPlan> {
  const statement = statementOf(request, dialect);
  await connection.begin();
  const prepared = await connection.prepare(statement).catch(async (error: unknown) => {
    await rolledBack(connection);
    throw error;
  });
  const { limit } = request;
  return {
    columns: prepared.columns,
    done: { columns: true, limit: true, order: false, asText: true, filter: 'none' },
    splits: [null],
    async *open(_split, { batchRows }) {
      const more = limit === undefined ? {} : { limit };
      for await (const rows of prepared.rows({ batchRows, ...more })) yield { rows };
    },
    async close() {
      await prepared.close();
      await connection.rollBack();
    },
  };
}

/** The session over a connection. */
export function sqlSession(connection: SqlConnection, dialect: SqlDialect): Session {
  return {
    ping: () => connection.findings(),
    browse: (request) => browseSql(connection.catalog, request),
    plan: (request) => planOf(connection, request, dialect),
    async describe(target) {
      const request = { target, lanes: ['rows'] as const };
      await connection.begin();
      try {
        const columns = await connection.describe(statementOf(request, dialect));
        return { kind: 'path' in target ? 'table' : 'query', columns };
      } finally {
        await rolledBack(connection);
      }
    },
    cancel: () => connection.cancel(),
    reset: async () => void (await connection.reset()),
    close: () => connection.end(),
  };
}
