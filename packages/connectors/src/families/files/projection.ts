import type { Column } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { assertColumns, unknownColumn } from '../../kit/columns.js';

/** Columns of the result, and the position of each in the file. */
export interface Projection {
  columns: readonly Column[];
  indexes: readonly number[];
  /** The result has the file's columns in the file's order. */
  isWhole: boolean;
}

/**
 * Selects the requested columns.
 * @throws ConnectorError `invalid_query` for a name that the file does not have or that is given twice, `too_large` for
 * more columns, or longer names, than are supported
 */
export function project(all: readonly Column[], wanted: readonly string[] | undefined): Projection {
  assertColumns(all);
  if (wanted === undefined) {
    return { columns: all, indexes: all.map((_, index) => index), isWhole: true };
  }
  const byName = new Map(all.map((column, index) => [column.name, { column, index }]));
  const picked = wanted.map((name) => {
    const found = byName.get(name);
    if (!found) throw unknownColumn(name);
    return found;
  });
  if (new Set(wanted).size !== wanted.length) {
    throw new ConnectorError('invalid_query', 'A column is requested twice.');
  }
  const indexes = picked.map(({ index }) => index);
  return { columns: picked.map(({ column }) => column), indexes, isWhole: false };
}
