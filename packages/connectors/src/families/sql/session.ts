// A session with a SQL server: the same work over each protocol.
import type { Done, Path, ReadPlan, ReadRequest, Split, Target } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import { splitFilter } from '../../kit/split-filter.js';
import { browseSql, tableOf } from './browse.js';
import type { PreparedStatement, SqlConnection, SqlStatement } from './connection.js';
import { type SqlDialect, type Where, whereOf } from './where.js';

type TableRequest = ReadRequest & { target: { path: Path } };

const isOfTable = (request: ReadRequest): request is TableRequest => 'path' in request.target;

const placeOf = ({ path }: { path: Path }, { quoted }: SqlDialect): string =>
  tableOf(path).map(quoted).join('.');

interface Planned {
  /** @param part condition of a part of the table */
  statementOf(part?: string): SqlStatement;
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
  const statementOf = (part?: string): SqlStatement => {
    const conditions = [part, condition?.text].filter(Boolean);
    const clauses = [
      `select ${columns?.map(quoted).join(', ') ?? '*'} from ${placeOf(target, dialect)}`,
      conditions.length > 0 && `where ${conditions.join(' and ')}`,
      orderBy.length > 0 &&
        `order by ${orderBy.map((order) => orderedBy(quoted(order.column), order)).join(', ')}`,
      limit !== undefined && `limit ${Math.trunc(limit)}`,
    ];
    const text = clauses.filter(Boolean).join(' ');
    return { text, asText, ...(condition ? { values: condition.values } : {}) };
  };
  return { filter, limit, statementOf };
}

/** The query of its author. */
function queryOf({ target, columns, asText = [], limit }: ReadRequest): Planned {
  const { query, parameters } = target as Extract<Target, { query: string }>;
  const statement = { text: query, asText, ...(parameters ? { parameters } : {}) };
  const statementOf = () => ({ ...statement, ...(columns ? { pick: columns } : {}) });
  return { filter: 'none', limit, statementOf };
}

/** After a failure, which counts: a connection that is lost cannot be rolled back either. */
const rolledBack = (connection: SqlConnection): Promise<unknown> =>
  connection.rollBack().catch(() => undefined);

/** Begins the transaction of a read. @returns its parts, of which there is one where an order or a limit is of all rows */
async function begun(connection: SqlConnection, request: ReadRequest): Promise<readonly Split[]> {
  const { parts } = connection;
  const { split, limit, matches, orderBy = [], parts: count = 1 } = request;
  if (!parts || !isOfTable(request)) {
    await connection.begin();
    return [split ?? null];
  }
  await parts.begin(request);
  if (split !== undefined) return [split];
  const isOfAll = limit !== undefined || matches !== undefined || orderBy.length > 0;
  return count > 1 && !isOfAll ? parts.of(tableOf(request.target.path), count) : [null];
}

/** A read is one statement for each part, in a transaction that is rolled back. */
async function planOf(
  connection: SqlConnection,
  request: ReadRequest,
  dialect: SqlDialect,
): Promise<ReadPlan> {
  try {
    const splits = await begun(connection, request);
    const { statementOf, filter, limit } = isOfTable(request)
      ? await selectOf(connection, request, dialect)
      : queryOf(request);
    const conditionOf = async (split: Split) =>
      isOfTable(request) ? connection.parts?.condition(tableOf(request.target.path), split) : undefined;
    const [only, ...others] = splits;
    const isWhole = others.length === 0;
    const whole = await connection.prepare(
      statementOf(isWhole ? await conditionOf(only ?? null) : undefined),
    );
    let prepared: PreparedStatement | undefined = whole;
    const leave = async () => {
      const left = prepared;
      prepared = undefined;
      await left?.close();
    };
    if (!isWhole) await leave();
    const { where, orderBy, consistency } = request;
    const isLimited = !where || filter === 'all';
    return {
      columns: whole.columns,
      done: { columns: true, limit: isLimited, order: orderBy !== undefined, asText: true, filter },
      splits,
      ...(connection.parts && consistency ? { consistency } : {}),
      async *open(split, { batchRows }) {
        const opened = isWhole ? whole : await connection.prepare(statementOf(await conditionOf(split)));
        prepared = opened;
        yield* opened.batches({ batchRows, ...(limit === undefined ? {} : { limit }) });
        if (!isWhole) await leave();
      },
      async close() {
        await leave();
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
        const { statementOf } = isOfTable(request)
          ? await selectOf(connection, request, dialect)
          : queryOf(request);
        const columns = await connection.describe(statementOf());
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
