import pg from 'pg';
import type { FilterOp } from '../../interface/filter.js';
import type { Comparable, SqlDialect } from '../sql/where.js';

const all: readonly FilterOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'in', 'null'];
const equality: readonly FilterOp[] = ['eq', 'ne', 'in', 'null'];

/** Values are cast, because an untyped parameter would take the column's type, which may not hold them. */
const casts: Readonly<Record<Comparable, string>> = {
  boolean: 'boolean',
  integer: 'bigint',
  bigint: 'bigint',
  decimal: 'numeric',
  float: 'float8',
  string: 'text',
  date: 'date',
  time: 'time',
  timestamp: 'timestamptz',
  datetime: 'timestamp',
  bytes: 'text',
  json: 'text',
  uuid: 'uuid',
};

/** Other spellings of a UUID are the same value to the server and another text to us. */
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const postgresDialect: SqlDialect = {
  quoted: pg.escapeIdentifier,
  comparisons: {
    pushed: {
      boolean: equality,
      integer: all,
      bigint: all,
      decimal: all,
      float: all,
      date: all,
      time: all,
      timestamp: all,
      datetime: all,
      string: equality,
      bytes: ['null'],
      json: ['null'],
    },
    // NaN and the infinities are ordered by the server and in no range here; a collation may find texts equal.
    exact: { boolean: equality, integer: all, bigint: all },
  },
  value: (place, { kind, text }) => {
    const cast = kind === 'uuid' && !uuid.test(text) ? 'text' : casts[kind];
    return `$${place}::${cast}`;
  },
  compared: (column, op, { kind, text }) => {
    if (kind === 'uuid' && !uuid.test(text)) return `${column}::text`;
    // A collation may find different texts equal, so that `<>` would leave rows out.
    return kind === 'string' && op === 'ne' ? `${column} collate "C"` : column;
  },
  orderedBy: (column, { direction, nulls }) => `${column} ${direction}${nulls ? ` nulls ${nulls}` : ''}`,
};
