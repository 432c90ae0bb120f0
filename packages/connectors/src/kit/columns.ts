import type { Column } from '../interface/data-types.js';
import { ConnectorError } from '../interface/errors.js';
import type { BrowseRequest, Item, Page } from '../interface/session.js';
import { quoted } from './json/failures.js';

/** Maximum columns of a source whose data decides them. */
export const columnsMax = 10_000;
/** Characters of all column names together, because JSON rows repeat them. */
const nameCharactersMax = 1024 * 1024;

/** Maximum cells per batch, and characters of names, beyond its first row. */
const batchCellsMax = 65_536;

/**
 * @param added columns beside those of the source, such as `_more`
 * @throws ConnectorError `too_large` for more columns, or longer names, than are supported
 */
export function assertColumns(columns: readonly Pick<Column, 'name'>[], added = 0): void {
  if (columns.length > columnsMax + added) {
    throw new ConnectorError('too_large', `The source has more than ${columnsMax} columns.`);
  }
  if (columns.reduce((sum, { name }) => sum + name.length, 0) > nameCharactersMax) {
    throw new ConnectorError('too_large', 'The names of the columns together are longer than 1 MB.');
  }
}

/** Maximum rows per batch, by their cells and by the names that each row may repeat. */
export function batchRowsMax(columns: readonly Column[]): number {
  const names = columns.reduce((sum, { name }) => sum + name.length, 0) / 16;
  return Math.max(1, Math.floor(batchCellsMax / Math.max(1, columns.length, names)));
}

/** For a requested column that does not exist. */
export function unknownColumn(name: string): ConnectorError {
  return new ConnectorError('invalid_query', `There is no column ${quoted(name)}.`, {
    remedy: 'Call actions/preview without "columns" to see the columns. Names are case-sensitive.',
  });
}

/**
 * Positions of the requested columns; without a request, of all.
 * @throws ConnectorError `invalid_query` for an unknown name
 */
export function columnPositions(names: readonly string[], asked?: readonly string[]): number[] {
  if (!asked) return names.map((_, position) => position);
  return asked.map((name) => {
    const position = names.indexOf(name);
    if (position < 0) throw unknownColumn(name);
    return position;
  });
}

/**
 * One page of the columns of a resource whose schema is known as a whole.
 * @param parents the path of the resource
 * @throws ConnectorError `invalid_query` for a page token that is not ours
 */
export function browseColumns(
  columns: readonly Column[],
  parents: readonly string[],
  { page, limit }: BrowseRequest,
): Page<Item> {
  const start = Number(page ?? 0);
  if (!Number.isSafeInteger(start) || start < 0) {
    throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
  }
  const end = start + limit;
  const items = columns.slice(start, end).map(({ name, type, nullable }): Item => {
    return {
      name,
      kind: 'column',
      path: [...parents, name],
      readable: false,
      container: false,
      type,
      nullable,
    };
  });
  return end < columns.length ? { items, next: String(end) } : { items };
}
