import type { Column, Row } from '../interface/data-types.js';
import { ConnectorError } from '../interface/errors.js';
import type { Comparison, Filter, FilterOp, JsonScalar } from '../interface/filter.js';
import { cellValue, hasRanges, isRange, misfit, noRange, testOf } from './filter/comparisons.js';
import { quoted } from './json/failures.js';

// The meaning of filters (docs/guides/filter-rows.md). A filter is true, false or unknown of a row, as in SQL: a comparison
// with null is unknown. So each part is compiled twice at most: for where it is true, and under `not` for where it is false.

/** Comparisons of one filter. */
const comparisonsMax = 100;
/** Levels, a comparison being one. */
const depthMax = 10;
/** Values of one `in`. */
const valuesMax = 1000;

/** Where in a filter a part is, from `where`. */
type Place = string;

const unknownColumn = (place: Place, name: string) =>
  new ConnectorError('invalid_query', `${place}: there is no column ${quoted(name)}.`, {
    remedy: 'Call actions/preview without "where" to see the columns. Names are case-sensitive.',
  });

const tooLarge = (place: Place, what: string) =>
  new ConnectorError('invalid_query', `${place} has ${what}.`, {
    remedy: 'Ask for more rows with a simpler filter, or use a query.',
  });

/** A comparison with its column and its values in the form of cells. */
interface Leaf {
  comparison: Comparison;
  column: Column;
  position: number;
  values: readonly (string | boolean)[];
  /** One of the values is null, so that a row that matches no other value is unknown. */
  hasNull: boolean;
}

export const partsOf = (filter: Filter): { parts: readonly Filter[]; isAll: boolean } | undefined => {
  if ('and' in filter) return { parts: filter.and, isAll: true };
  return 'or' in filter ? { parts: filter.or, isAll: false } : undefined;
};

function valuesOf(comparison: Comparison, column: Column, place: Place): Pick<Leaf, 'values' | 'hasNull'> {
  if (comparison.op === 'null') return { values: [], hasNull: false };
  const isList = comparison.op === 'in';
  const given: readonly JsonScalar[] = isList ? comparison.value : [comparison.value];
  if (given.length > valuesMax) throw tooLarge(place, `more than ${valuesMax} values`);
  const values = given.flatMap((value, index) => {
    if (value === null) return [];
    const own = cellValue(column, value);
    if (own === undefined) throw misfit(isList ? `${place}.value[${index}]` : place, column);
    return [own];
  });
  return { values, hasNull: values.length < given.length };
}

function leafOf(comparison: Comparison, columns: readonly Column[], place: Place): Leaf {
  const position = columns.findIndex(({ name }) => name === comparison.column);
  const column = columns[position];
  if (!column) throw unknownColumn(place, comparison.column);
  return { comparison, column, position, ...valuesOf(comparison, column, place) };
}

/** Calls `visit` for each comparison. @throws ConnectorError `invalid_query` for a filter beyond the bounds */
function eachLeaf(
  filter: Filter,
  columns: readonly Column[],
  visit: (leaf: Leaf, place: Place) => void,
): void {
  let count = 0;
  const walk = (part: Filter, place: Place, depth: number): void => {
    if (depth > depthMax) throw tooLarge('where', `more than ${depthMax} levels`);
    const group = partsOf(part);
    if (group) {
      for (const [index, each] of group.parts.entries()) walk(each, `${place}[${index}]`, depth + 1);
    } else if ('not' in part) walk(part.not, `${place}.not`, depth + 1);
    else {
      count += 1;
      if (count > comparisonsMax) throw tooLarge('where', `more than ${comparisonsMax} comparisons`);
      visit(leafOf(part as Comparison, columns, place), place);
    }
  };
  walk(filter, 'where', 1);
}

/**
 * Checks a filter against the columns that it is about.
 * @param atSource operators with which the source compares text for itself
 * @throws ConnectorError `invalid_query` for an unknown column, a value that its column cannot have, or a filter beyond
 * the bounds; `unsupported` for a range of a type without an order of its own
 */
export function checkFilter(
  filter: Filter,
  columns: readonly Column[],
  atSource: readonly FilterOp[] = [],
): void {
  eachLeaf(filter, columns, ({ comparison: { op }, column }, place) => {
    if (!isRange(op) || hasRanges(column.type)) return;
    if (column.type !== 'string' || !atSource.includes(op)) throw noRange(place, column);
  });
}

type RowTest = (row: Row) => boolean;

const never: RowTest = () => false;

function leafTest({ comparison: { op }, position, column, values, hasNull }: Leaf, isTrue: boolean): RowTest {
  const isNull: RowTest = (row) => (row[position] ?? null) === null;
  if (op === 'null') return isTrue ? isNull : (row) => !isNull(row);
  // A list without any value has no match, not even for null.
  if (op === 'in' && values.length === 0 && !hasNull) return () => !isTrue;
  if (op !== 'in' && hasNull) return never;
  const test = testOf(op, column, values);
  const isMatch = isTrue === (op !== 'ne');
  if (!isMatch && hasNull) return never;
  return (row) => {
    const cell = row[position] ?? null;
    return cell !== null && test(cell) === isMatch;
  };
}

function every(tests: readonly RowTest[]): RowTest {
  const [first, second, ...others] = tests;
  if (!first) return () => true;
  if (!second) return first;
  if (others.length === 0) return (row) => first(row) && second(row);
  return (row) => tests.every((test) => test(row));
}

function some(tests: readonly RowTest[]): RowTest {
  const [first, second, ...others] = tests;
  if (!first) return never;
  if (!second) return first;
  if (others.length === 0) return (row) => first(row) || second(row);
  return (row) => tests.some((test) => test(row));
}

/**
 * Whether a filter is true of a row of these columns.
 * @throws ConnectorError as `checkFilter`; ranges of text cannot be compared here
 */
export function compileFilter(filter: Filter, columns: readonly Column[]): RowTest {
  checkFilter(filter, columns);
  /** @param isTrue for where the part is true, else for where it is false */
  const compiled = (part: Filter, isTrue: boolean): RowTest => {
    const group = partsOf(part);
    if (group) {
      const tests = group.parts.map((each) => compiled(each, isTrue));
      return group.isAll === isTrue ? every(tests) : some(tests);
    }
    if ('not' in part) return compiled(part.not, !isTrue);
    return leafTest(leafOf(part as Comparison, columns, 'where'), isTrue);
  };
  return compiled(filter, true);
}
