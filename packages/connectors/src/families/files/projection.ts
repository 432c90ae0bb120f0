import { assertColumns } from '../../kit/columns.js';
import type { Column } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';

/** Columns of the answer, and where each stands in the file's own order. */
export interface Projection {
  columns: readonly Column[];
  indexes: readonly number[];
  /** The answer has the file's columns in the file's order. */
  isWhole: boolean;
}

/**
 * Picks the wanted columns.
 * @throws ConnectorError `invalid_query` for a name that the file lacks or that is given twice,
 * `too_large` for more columns, or longer names, than is read.
 */
export function project(all: readonly Column[], wanted: readonly string[] | undefined): Projection {
  assertColumns(all);
  if (wanted === undefined) {
    return { columns: all, indexes: all.map((_, index) => index), isWhole: true };
  }
  const byName = new Map(all.map((column, index) => [column.name, { column, index }]));
  const picked = wanted.map((name) => {
    const found = byName.get(name);
    if (found) return found;
    throw new ConnectorError(
      'invalid_query',
      `The file has no column ${JSON.stringify(name.slice(0, 128))}.`,
      {
        remedy: 'Preview the file to see its columns.',
      },
    );
  });
  if (new Set(wanted).size !== wanted.length) {
    throw new ConnectorError('invalid_query', 'A column is asked for twice.');
  }
  const indexes = picked.map(({ index }) => index);
  return { columns: picked.map(({ column }) => column), indexes, isWhole: false };
}
