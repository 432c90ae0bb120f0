// Browses schema, table and column of any SQL server; only the queries of the system catalog differ.
import { z } from 'zod';
import type { Level } from '../../interface/abilities.js';
import { ConnectorError } from '../../interface/errors.js';
import type { BrowseRequest, Item, Page } from '../../interface/session.js';

/** Maximum length of a name or type that is passed on: an ENUM type of MySQL has at most 64 KiB. */
const TEXT_CHARS_MAX = 65_536;
const text = z.string().max(TEXT_CHARS_MAX);

/** The expected row of a query of the system catalog. */
const catalogRowSchema = z.strictObject({
  name: text,
  /** Keyset value: the next page starts after it. */
  key: text,
  /** For tables and views. */
  isView: z.boolean().optional(),
  isReadable: z.boolean().optional(),
  /** For columns: the vendor's type name. */
  type: text.optional(),
  isNullable: z.boolean().optional(),
});

type CatalogRow = z.output<typeof catalogRowSchema>;

/**
 * Lists at most `limit` rows of one level, ordered by key, after `after` (null: from the start). The rows are untrusted
 * and need not match the query.
 */
export type ListLevel = (
  parents: readonly string[],
  after: string | null,
  limit: number,
) => Promise<unknown[]>;

export interface SystemCatalog {
  /** What the first level is; default: schemas. */
  root?: Level;
  schemas: ListLevel;
  tables: ListLevel;
  columns: ListLevel;
}

const DEPTH = 3;
/** Maximum items per response for a hostile or huge system catalog (case D24). */
const LIMIT_MAX = 1_000;

function toItem(path: readonly string[], row: CatalogRow, root: Level): Item {
  const item = { name: row.name, path: [...path, row.name] };
  if (path.length === 0) return { ...item, kind: root, readable: false, container: true };
  if (path.length === 1) {
    const kind = row.isView ? 'view' : 'table';
    return { ...item, kind, readable: row.isReadable ?? true, container: true };
  }
  const type = row.type ?? 'unknown';
  return {
    ...item,
    kind: 'column',
    readable: false,
    container: false,
    type,
    nullable: row.isNullable ?? true,
  };
}

/** @throws ConnectorError `protocol_error` for a server that returns unexpected rows */
function toCatalogRows(rows: unknown[], limit: number): CatalogRow[] {
  const answer = z.array(catalogRowSchema).max(limit).safeParse(rows);
  if (answer.success) return answer.data;
  throw new ConnectorError(
    'protocol_error',
    'The server returned unexpected columns or rows for its system catalog.',
    { remedy: 'Check that host and port point to the database server.' },
  );
}

/**
 * One page of a level.
 * @throws ConnectorError `not_found` for a path that is too deep or names a table without columns
 */
export async function browseSql(catalog: SystemCatalog, request: BrowseRequest): Promise<Page<Item>> {
  const { path } = request;
  const list = [catalog.schemas, catalog.tables, catalog.columns][path.length];
  if (!list) throw new ConnectorError('not_found', `Browsing goes at most ${DEPTH} levels deep.`);
  const limit = Math.max(1, Math.min(request.limit, LIMIT_MAX));
  const rows = toCatalogRows(await list(path, request.page ?? null, limit + 1), limit + 1);
  if (path.length === DEPTH - 1 && rows.length === 0 && request.page === undefined) {
    throw new ConnectorError('not_found', 'The table does not exist, or this login cannot see it.');
  }
  const items = rows.slice(0, limit).map((row) => toItem(path, row, catalog.root ?? 'schema'));
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return last ? { items, next: last.key } : { items };
}

/** The schema and table of a path to read. @throws ConnectorError `not_found` for any other path */
export function tableOf(path: readonly string[]): [schema: string, table: string] {
  const [schema, table, ...more] = path;
  if (schema === undefined || table === undefined || more.length > 0) {
    throw new ConnectorError('not_found', 'The path must name a schema and a table.');
  }
  return [schema, table];
}
