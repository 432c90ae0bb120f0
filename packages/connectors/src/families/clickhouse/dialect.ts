import type { FilterOp } from '../../interface/filter.js';
import { toDays, toMicroseconds } from '../../kit/arrow/instants.js';
import type { SqlDialect } from '../sql/where.js';

const all: readonly FilterOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'in', 'null'];
const equality: readonly FilterOp[] = ['eq', 'ne', 'in', 'null'];

/** A text literal (ClickHouse documentation, "Syntax", "String"). */
export const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `Date32` and `DateTime64` hold the years 1900 to 2299, and take the nearest one for any other. */
const isHeld = (text: string) => /^(?:19|2[0-2])\d\d-/.test(text);

/** Comparisons are exact: the server has no collations, and values are compared in a type that holds both sides. */
const comparable = {
  boolean: equality,
  integer: all,
  bigint: all,
  decimal: all,
  date: all,
  timestamp: all,
  string: equality,
} as const;

export const clickHouseDialect: SqlDialect = {
  quoted: (name) => `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``,
  comparisons: {
    pushed: { ...comparable, float: ['null'], bytes: ['null'], json: ['null'] },
    exact: comparable,
  },
  compared: (column, _op, { kind, text }) => {
    if (kind === 'date' && !isHeld(text)) return `toInt32(${column})`;
    if (kind === 'timestamp' && !isHeld(text)) return `toUnixTimestamp64Micro(${instant(column)})`;
    return kind === 'uuid' && !uuid.test(text) ? `toString(${column})` : column;
  },
  value: (_place, { kind, text }) => {
    switch (kind) {
      case 'boolean':
        return text === 'true' ? 'true' : 'false';
      case 'integer':
      case 'bigint':
        return `CAST(${literal(text)} AS Int256)`;
      case 'decimal':
        return `CAST(${literal(text)} AS Decimal(76, ${text.split('.')[1]?.length ?? 0}))`;
      case 'date':
        return isHeld(text)
          ? `CAST(${literal(text)} AS Date32)`
          : `CAST(${literal(String(toDays(text)))} AS Int256)`;
      case 'timestamp':
        return isHeld(text)
          ? instant(literal(text))
          : `CAST(${literal(String(toMicroseconds(text)))} AS Int256)`;
      case 'uuid':
        return uuid.test(text) ? `toUUID(${literal(text)})` : literal(text);
      default:
        return literal(text);
    }
  },
  orderedBy: (column, { direction, nulls }) => `${column} ${direction}${nulls ? ` nulls ${nulls}` : ''}`,
};

function instant(expression: string): string {
  return `CAST(${expression} AS Nullable(DateTime64(6, 'UTC')))`;
}
