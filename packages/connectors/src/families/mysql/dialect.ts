import mysql from 'mysql2';
import type { FilterOp } from '../../interface/filter.js';
import type { Comparable, SqlDialect } from '../sql/where.js';

const all: readonly FilterOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'in', 'null'];

/** Values travel as texts, which the server would compare with numbers as doubles. */
const casts: Partial<Record<Comparable, string>> = {
  integer: 'decimal(65, 30)',
  bigint: 'decimal(65, 30)',
  decimal: 'decimal(65, 30)',
  date: 'date',
  datetime: 'datetime(6)',
  timestamp: 'datetime(6)',
};

export const mySqlDialect: SqlDialect = {
  quoted: (name) => mysql.escapeId(name, true),
  comparisons: {
    pushed: {
      integer: all,
      bigint: all,
      decimal: all,
      date: all,
      datetime: all,
      timestamp: all,
      // Most collations find texts equal that differ, so that `<>` would leave rows out.
      string: ['eq', 'in', 'null'],
      boolean: ['null'],
      float: ['null'],
      time: ['null'],
      bytes: ['null'],
      json: ['null'],
    },
    exact: { integer: all, bigint: all, decimal: all },
  },
  value: (_place, { kind, text }) => {
    const cast = casts[kind];
    if (cast === undefined) return '?';
    // The session is in UTC.
    return text.endsWith('Z') ? `cast(trim(trailing 'Z' from ?) as ${cast})` : `cast(? as ${cast})`;
  },
  orderedBy: (column, { direction, nulls }) => {
    const place = nulls === undefined ? '' : `${column} is null ${nulls === 'first' ? 'desc' : 'asc'}, `;
    return `${place}${column} ${direction}`;
  },
};
