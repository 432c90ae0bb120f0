import type { Column, NeutralType } from '../interface/data-types.js';
import type { Comparison, Filter, FilterOp } from '../interface/filter.js';
import { travelling } from './filter/travelling.js';
import { partsOf } from './filter.js';

type ByType = Readonly<Partial<Record<NeutralType, readonly FilterOp[]>>>;

/** The comparisons that a source can make, by the type of the column. */
export interface FilterTables {
  /** The source finds at least the rows for which the comparison is true. */
  pushed: ByType;
  /** The source and the kit agree on every row: where it is true, where false, and where unknown. */
  exact: ByType;
}

export interface SplitFilter {
  /** For the source: true at least where the whole filter is. Absent: the source must return all rows. */
  push?: Filter;
  /** What must still be checked of the rows that the source returns. `all`: the source has done it all. */
  rest: 'all' | Filter;
}

/** Parts of which each must be true. */
function conjunctsOf(filter: Filter): Filter[] {
  if ('and' in filter) return filter.and.flatMap(conjunctsOf);
  if (!('not' in filter)) return [filter];
  const { not } = filter;
  if ('not' in not) return conjunctsOf(not.not);
  return 'or' in not ? not.or.flatMap((part) => conjunctsOf({ not: part })) : [filter];
}

const joined = (parts: readonly Filter[], word: 'and' | 'or'): Filter | undefined => {
  if (parts.length < 2) return parts[0];
  return word === 'and' ? { and: parts } : { or: parts };
};

const opposite = { eq: 'ne', ne: 'eq' } as const;

/**
 * What of a valid filter a source does, and what remains. Under `not`, more rows become fewer, so that there only exact
 * comparisons are pushed, and `eq` and `ne`, which are each other's opposite.
 */
export function splitFilter(
  filter: Filter,
  columns: readonly Column[],
  { pushed, exact }: FilterTables,
): SplitFilter {
  const columnOf = (name: string) => columns.find((column) => column.name === name);
  const isIn = (table: ByType, { column, op }: Comparison) => {
    const type = columnOf(column)?.type;
    return type !== undefined && table[type]?.includes(op) === true;
  };

  /** The comparison as the source gets it, if its values can travel. */
  const forSource = (leaf: Comparison): Comparison | undefined => {
    const column = columnOf(leaf.column);
    if (!column || leaf.op === 'null') return column && leaf;
    if (leaf.op !== 'in') {
      const value = travelling(column, leaf.value);
      return value === undefined ? undefined : { ...leaf, value };
    }
    const values = leaf.value.flatMap((value) => travelling(column, value) ?? []);
    const isWhole = values.length > 0 && values.length === leaf.value.length;
    return isWhole ? { ...leaf, value: values } : undefined;
  };

  const isExact = (part: Filter): boolean => {
    const group = partsOf(part);
    if (group) return group.parts.length > 0 && group.parts.every(isExact);
    if ('not' in part) return isExact(part.not);
    const leaf = part as Comparison;
    // What is null is the same everywhere.
    return (isIn(exact, leaf) || (leaf.op === 'null' && isIn(pushed, leaf))) && forSource(leaf) !== undefined;
  };

  const pushedLeaf = (leaf: Comparison, isTrue: boolean): Filter | undefined => {
    if (isTrue) return isIn(pushed, leaf) ? forSource(leaf) : undefined;
    if (leaf.op !== 'eq' && leaf.op !== 'ne') return undefined;
    return pushedLeaf({ ...leaf, op: opposite[leaf.op] }, true);
  };

  /** @param isTrue for a condition that holds at least where the part is true, else where it is false */
  const superset = (part: Filter, isTrue: boolean): Filter | undefined => {
    const group = partsOf(part);
    if (group) {
      const parts = group.parts.map((each) => superset(each, isTrue));
      const known = parts.filter((each) => each !== undefined);
      if (group.isAll === isTrue) return joined(known, 'and');
      return known.length === parts.length ? joined(known, 'or') : undefined;
    }
    if ('not' in part) return superset(part.not, !isTrue);
    const leaf = part as Comparison;
    if (!isExact(leaf)) return pushedLeaf(leaf, isTrue);
    const own = forSource(leaf);
    return own && !isTrue ? { not: own } : own;
  };

  const push = superset(filter, true);
  const rest = joined(
    conjunctsOf(filter).filter((part) => !isExact(part)),
    'and',
  );
  return { ...(push ? { push } : {}), rest: rest ?? 'all' };
}
