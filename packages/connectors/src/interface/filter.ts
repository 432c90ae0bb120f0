/** A JSON value without members. A number that a double cannot hold is given as text. */
export type JsonScalar = null | boolean | number | string;

export const filterOps = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'in', 'null'] as const;
export type FilterOp = (typeof filterOps)[number];

/** A condition on one column. */
export type Comparison =
  | { column: string; op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'; value: JsonScalar }
  | { column: string; op: 'in'; value: readonly JsonScalar[] }
  | { column: string; op: 'null' };

/**
 * Which rows to read. Three-valued like SQL: a comparison with null is unknown, `not` of unknown is unknown, and only
 * rows for which it is true are read. `kit/filter.ts` says how values of each type compare.
 */
export type Filter = { and: readonly Filter[] } | { or: readonly Filter[] } | { not: Filter } | Comparison;

export interface Order {
  column: string;
  direction: 'asc' | 'desc';
  /** Default: where the source puts them. */
  nulls?: 'first' | 'last' | undefined;
}
