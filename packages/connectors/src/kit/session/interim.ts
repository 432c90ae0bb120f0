// Stands in for kit/filter until it arrives.
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Filter, FilterOp } from '../../interface/filter.js';

export function checkFilter(_filter: Filter, _columns: readonly Column[], _ops: readonly FilterOp[]): void {}

export function compileFilter(_filter: Filter, _columns: readonly Column[]): (row: Row) => boolean {
  throw new ConnectorError('unsupported', 'Filters are not supported yet.');
}
