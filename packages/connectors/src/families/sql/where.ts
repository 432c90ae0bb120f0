import type { NeutralType } from '../../interface/data-types.js';
import type { Comparison, Filter, FilterOp, JsonScalar, Order } from '../../interface/filter.js';
import type { FilterTables } from '../../kit/split-filter.js';

/** What a dialect says about conditions and order. */
export interface SqlDialect {
  /** A name as an identifier; a dot in it is part of the name. */
  quoted(name: string): string;
  /** Which comparisons the server makes, by the column's type. */
  comparisons: FilterTables;
  /** A value for a column, as the expression that stands for the parameter at its place, from 1. */
  value(place: number, of: { kind: Comparable; text: string }): string;
  /** The two sides of a comparison, where it is not written as they are. */
  compared?(column: string, op: FilterOp, of: { kind: Comparable; text: string }): string;
  orderedBy(column: string, order: Order): string;
}

/** How values of a column are compared: by its neutral type, or as another type of the vendor. */
export type Comparable = NeutralType | 'uuid';

export interface Where {
  text: string;
  /** In the order of their places. */
  values: readonly (string | null)[];
}

const operators = { eq: '=', ne: '<>', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;

/** @throws Error for a column that cannot be compared, which `splitFilter` does not pass on */
export function whereOf(filter: Filter, kinds: ReadonlyMap<string, Comparable>, dialect: SqlDialect): Where {
  const values: (string | null)[] = [];
  const compare = (leaf: Exclude<Comparison, { op: 'in' | 'null' }>): string => {
    const { column, op, value } = leaf;
    const kind = kinds.get(column);
    if (kind === undefined) throw new Error('A column that cannot be compared was to be.');
    const name = dialect.quoted(column);
    values.push(value === null ? null : String(value));
    const of = { kind, text: String(value) };
    const left = dialect.compared?.(name, op, of) ?? name;
    return `${left} ${operators[op]} ${dialect.value(values.length, of)}`;
  };
  const among = (column: string, wanted: readonly JsonScalar[]): string =>
    wanted.length === 0
      ? '1 = 0'
      : `(${wanted.map((value) => compare({ column, op: 'eq', value })).join(' or ')})`;
  const write = (part: Filter): string => {
    if ('and' in part) return part.and.length === 0 ? '1 = 1' : `(${part.and.map(write).join(' and ')})`;
    if ('or' in part) return part.or.length === 0 ? '1 = 0' : `(${part.or.map(write).join(' or ')})`;
    if ('not' in part) return `(not ${write(part.not)})`;
    if (part.op === 'null') return `${dialect.quoted(part.column)} is null`;
    return part.op === 'in' ? among(part.column, part.value) : compare(part);
  };
  return { text: write(filter), values };
}
