// A session with a SQL server: the same work over each protocol.
import type { Done, Path, ReadPlan, ReadRequest, Target } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import { splitFilter } from '../../kit/split-filter.js';
import { browseSql, tableOf } from './browse.js';
import type { SqlConnection, SqlStatement } from './connection.js';
import { type SqlDialect, type Where, whereOf } from './where.js';

type TableRequest = ReadRequest & { target: { path: Path } };

const isOfTable = (request: ReadRequest): request is TableRequest => 'path' in request.target;

const placeOf = ({ path }: { path: Path }, { quoted }: SqlDialect): string =>
  tableOf(path).map(quoted).join('.');

interface Planned {
  statement: SqlStatement;
  /** Rows after which the server stops by itself. */
  limit: number | undefined;
  filter: Done['filter'];
}

/** What the server does with a condition, which takes the types of the table's columns. */
async function conditionOf(
  connection: SqlConnection,
  { target, where }: TableRequest,
  dialect: SqlDialect,
): Promise<{ condition?: Where; filter: Done['filter'] }> {
  if (!where) return { filter: 'none' };
  const whole = await connection.prepare({ text: `select * from ${placeOf(target, dialect)}`, asText: [] });
  await whole.close();
  const { comparables } = whole;
  // A type without comparisons, for what the server may compare otherwise than we do.
  const columns = whole.columns.map((column) =>
    comparables.has(column.name) ? column : { ...column, type: 'json' as const },
  );
  const { push, rest } = splitFilter(where, columns, dialect.comparisons);
  return { filter: rest, ...(push ? { condition: whereOf(push, comparables, dialect) } : {}) };
}

/**
 * A `select` from the table of a path.
 * @throws ConnectorError `not_found` for a path that does not name a table
 */
async function selectOf(
  connection: SqlConnection,
  request: TableRequest,
  dialect: SqlDialect,
): Promise<Planned> {
  const { target, columns, asText = [], orderBy = [] } = request;
  const { quoted, orderedBy } = dialect;
  const { condition, filter } = await conditionOf(connection, request, dialect);
  const limit = filter === 'all' ? request.matches : request.limit;
  const parts = [
    `select ${columns?.map(quoted).join(', ') ?? '*'} from ${placeOf(target, dialect)}`,
    condition && `where ${condition.text}`,
    orderBy.length > 0 &&
      `order by ${orderBy.map((order) => orderedBy(quoted(order.column), order)).join(', ')}`,
    limit !== undefined && `limit ${Math.trunc(limit)}`,
  ];
  const text = parts.filter(Boolean).join(' ');
  return { filter, limit, statement: { text, asText, ...(condition ? { values: condition.values } : {}) } };
}

/** The query of its author. */
function queryOf({ target, columns, asText = [], limit }: ReadRequest): Planned {
  const { query, parameters } = target as Extract<Target, { query: string }>;
  const statement = { text: query, asText, ...(parameters ? { parameters } : {}) };
  return { filter: 'none', limit, statement: { ...statement, ...(columns ? { pick: columns } : {}) } };
}

/** After a failure, which counts: a connection that is lost cannot be rolled back either. */
const rolledBack = (connection: SqlConnection): Promise<unknown> =>
  connection.rollBack().catch(() => undefined);

/** A read is one statement, in a transaction that is rolled back. */
async function planOf(
  connection: SqlConnection,
  request: ReadRequest,
  dialect: SqlDialect,
): Promise<ReadPlan> {
  await connection.begin();
  try {
    const { statement, filter, limit } = isOfTable(request)
      ? await selectOf(connection, request, dialect)
      : queryOf(request);
    const prepared = await connection.prepare(statement);
    const { where, orderBy } = request;
    const isLimited = !where || filter === 'all';
    return {
      columns: prepared.columns,
      done: { columns: true, limit: isLimited, order: orderBy !== undefined, asText: true, filter },
      splits: [null],
      open: (_split, { batchRows }) =>
        prepared.batches({ batchRows, ...(limit === undefined ? {} : { limit }) }),
      async close() {
        await prepared.close();
        await connection.rollBack();
      },
    };
  } catch (error) {
    await rolledBack(connection);
    throw error;
  }
}

/** The session over a connection. */
export function sqlSession(connection: SqlConnection, dialect: SqlDialect): Session {
  return {
    ping: () => connection.findings(),
    browse: (request) => browseSql(connection.catalog, request),
    plan: (request) => planOf(connection, request, dialect),
    async describe(target) {
      const request: ReadRequest = { target, lanes: ['rows'] };
      await connection.begin();
      try {
        const { statement } = isOfTable(request)
          ? await selectOf(connection, request, dialect)
          : queryOf(request);
        const columns = await connection.describe(statement);
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
