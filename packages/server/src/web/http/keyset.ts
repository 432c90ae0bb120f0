import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { invalidField } from '../../core/errors/app-error.js';

// Keyset pagination, which stays exact while rows are added and deleted. A page token holds the sort value and the id of
// the row it continues from. It grants nothing: every page is filtered again.

/** Rows of a page whose request sets no limit. */
const pageSize = 100;

/** Columns a list may be sorted by, by the name that `sort` has for them. */
export interface ListOrder {
  sorts: Readonly<Record<string, string>>;
  idColumn: string;
  /** For instance `-eventTime`; absent: `+id`. */
  sortDefault?: string;
}

/** What a list's query holds; see `pageQuery` of the contract. */
export interface ListQuery {
  limit?: number | undefined;
  next?: string | undefined;
  prev?: string | undefined;
  sort?: string | undefined;
  startingAfter?: string | undefined;
  endingBefore?: string | undefined;
}

export interface ListPage {
  limit: number;
  /** For `where`. */
  condition: () => Expression<SqlBool>;
  /** For `orderBy`. */
  order: Expression<unknown>;
  /** For `limit`: one row more than the page, to see whether there is another page. */
  fetch: number;
  isContinued: boolean;
  isBackwards: boolean;
  cursorOf: (row: object) => string;
}

interface Position {
  sort: string;
  value: string;
  id: string;
}

const cursorSchema = z.tuple([z.string().max(64), z.string().max(1024), z.string().max(128)]);

function readCursor(field: string, text: string): Position {
  try {
    const json: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    const [sort, value, id] = cursorSchema.parse(json);
    return { sort, value, id };
  } catch {
    throw invalidField(field, 'is not a page token of this list; follow links.next.href unchanged');
  }
}

function positionOf(query: ListQuery): (Position & { isBackwards: boolean }) | undefined {
  const given = (['next', 'prev', 'startingAfter', 'endingBefore'] as const).filter(
    (name) => query[name] !== undefined,
  );
  const [name] = given;
  if (name === undefined) return undefined;
  if (given.length > 1) throw invalidField(name, `and ${given[1]} exclude each other`);
  const text = query[name] ?? '';
  const isBackwards = name === 'prev' || name === 'endingBefore';
  if (name === 'next' || name === 'prev') return { ...readCursor(name, text), isBackwards };
  return { sort: '+id', value: text, id: text, isBackwards };
}

/** @throws InvalidRequest for a page token of another list or an unknown sort */
export function readList(query: ListQuery, { sorts, idColumn, sortDefault = '+id' }: ListOrder): ListPage {
  const position = positionOf(query);
  // A `+` that was not percent-encoded arrives as a space.
  const sort = position?.sort ?? (query.sort ?? sortDefault).replace(/^ /, '+');
  const name = sort.replace(/^[+-]/, '');
  const column =
    name === 'id' || name === '_id' ? idColumn : Object.hasOwn(sorts, name) ? sorts[name] : undefined;
  if (column === undefined) {
    const known = ['id', ...Object.keys(sorts)].join(', ');
    throw invalidField('sort', `must be one of ${known}, with + or - before it`);
  }
  const isBackwards = position?.isBackwards ?? false;
  const isDescending = sort.startsWith('-') !== isBackwards;
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const beyond = sql.raw(isDescending ? '<' : '>');
  const value = sql.ref(column);
  const id = sql.ref(idColumn);
  const limit = query.limit ?? pageSize;
  const condition = position
    ? column === idColumn
      ? sql<SqlBool>`${id} ${beyond} ${position.id}`
      : // As a row value, so that a database can use an index.
        sql<SqlBool>`(${value}, ${id}) ${beyond} (${position.value}, ${position.id})`
    : sql<SqlBool>`1 = 1`;
  const plain = (columnName: string) => columnName.slice(columnName.lastIndexOf('.') + 1);
  return {
    limit,
    fetch: limit + 1,
    condition: () => condition,
    order: column === idColumn ? sql`${id} ${direction}` : sql`${value} ${direction}, ${id} ${direction}`,
    isContinued: position !== undefined,
    isBackwards,
    cursorOf(row) {
      const values = row as Record<string, unknown>;
      const parts = [sort, String(values[plain(column)]), String(values[plain(idColumn)])];
      return Buffer.from(JSON.stringify(parts), 'utf8').toString('base64url');
    },
  };
}

/**
 * The rows of the page in their order, and its links, absolute and fetchable as they are.
 * @param self absolute URL of the request
 */
export function turnPage<Row extends object>(page: ListPage, rows: readonly Row[], self: string) {
  const hasMore = rows.length > page.limit;
  const inOrder = page.isBackwards ? rows.slice(0, page.limit).toReversed() : rows.slice(0, page.limit);
  const link = (name: 'next' | 'prev', row: Row | undefined) => {
    if (!row) return {};
    const url = new URL(self);
    for (const other of [...url.searchParams.keys()]) {
      if (/^(next|prev|sort|startingAfter|endingBefore)$/i.test(other)) url.searchParams.delete(other);
    }
    url.searchParams.set(name, page.cursorOf(row));
    return { [name]: { href: url.href } };
  };
  return {
    shown: inOrder,
    links: {
      self: { href: self },
      ...(hasMore || page.isBackwards ? link('next', inOrder.at(-1)) : {}),
      ...((page.isBackwards ? hasMore : page.isContinued) ? link('prev', inOrder[0]) : {}),
    },
  };
}

/**
 * One page of the rows of a statement.
 * @throws InvalidRequest as {@link readList}
 */
export async function fetchPage<Schema, Name extends keyof Schema, Row extends object>(
  statement: SelectQueryBuilder<Schema, Name, Row>,
  query: ListQuery,
  order: ListOrder,
  self: string,
) {
  const page = readList(query, order);
  const rows = await statement.where(page.condition).orderBy(page.order).limit(page.fetch).execute();
  return turnPage(page, rows, self);
}
