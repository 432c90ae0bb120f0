import type { Column } from '../spec/data-types.js';
import { ConnectorError } from '../spec/errors.js';
import { quoted } from './json/failures.js';

/** Most columns of a source that decides them by its data. */
export const columnsMax = 10_000;
/** Characters of all their names together: rows of JSON repeat them. */
const nameCharactersMax = 1024 * 1024;

/** Cells, and characters of names, that a batch of rows holds at the most, beyond its first row. */
const batchCellsMax = 65_536;

/** @throws ConnectorError `too_large` for more columns, or longer names, than is read */
export function assertColumns(columns: readonly Pick<Column, 'name'>[]): void {
  if (columns.length > columnsMax) {
    throw new ConnectorError('too_large', `The source has more than ${columnsMax} columns.`);
  }
  if (columns.reduce((sum, { name }) => sum + name.length, 0) > nameCharactersMax) {
    throw new ConnectorError('too_large', 'The names of the columns together are longer than 1 MB.');
  }
}

/** Most rows of one batch by the cells that they hold and by the names that they may be written with. */
export function batchRowsMax(columns: readonly Column[]): number {
  const names = columns.reduce((sum, { name }) => sum + name.length, 0) / 16;
  return Math.max(1, Math.floor(batchCellsMax / Math.max(1, columns.length, names)));
}

/** What was asked for by its name is not there. */
export function unknownColumn(name: string): ConnectorError {
  return new ConnectorError('invalid_query', `There is no column ${quoted(name)}.`, {
    remedy:
      'actions/preview without "columns" shows those that there are; upper and lower case are different.',
  });
}
