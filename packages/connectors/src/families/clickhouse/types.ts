import type { Column, ValueShape } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { quoted } from '../../kit/json/failures.js';
import type { Comparable } from '../sql/where.js';

// ClickHouse's types and ours. Where Arrow has no equal of a type, the server converts it (`read`), so that the columns of
// the stream are those of the plan and pass as they come.

/** How a column of a type is read. */
export interface ColumnRead {
  shape: ValueShape;
  isNullable: boolean;
  /** The expression that reads it. @param column as an identifier */
  read(column: string): string;
  /** How the server compares it as we do; absent: it may not. */
  comparable?: Comparable;
}

interface Rule {
  shape: ValueShape;
  /** Absent: as it is. */
  read?(column: string, as: (type: string) => string): string;
  comparable?: Comparable;
}

const textual: Rule = { shape: { type: 'string' }, read: (column) => `toString(${column})` };
const wide: Rule = { shape: { type: 'decimal' }, read: (column) => `toString(${column})` };
/** Null stays null; the JSON text of a null is another value. */
const json: Rule = {
  shape: { type: 'json' },
  read: (column) => `if(isNull(${column}), NULL, toJSONString(${column}))`,
};
const days: Rule = { shape: { type: 'date' }, comparable: 'date' };
const instant = (digits: 6 | 9): Rule => ({
  shape: { type: 'timestamp' },
  read: (column, as) => `CAST(${column} AS ${as(`DateTime64(${digits}, 'UTC')`)})`,
  ...(digits === 6 ? { comparable: 'timestamp' as const } : {}),
});
const cast = (shape: ValueShape, to: string, comparable?: Comparable): Rule => ({
  shape,
  read: (column, as) => `CAST(${column} AS ${as(to)})`,
  ...(comparable ? { comparable } : {}),
});
const integer = (width: 8 | 16 | 32): Rule => ({ shape: { type: 'integer', width }, comparable: 'integer' });

const rules: Readonly<Record<string, Rule>> = {
  Bool: { shape: { type: 'boolean' }, comparable: 'boolean' },
  Int8: integer(8),
  Int16: integer(16),
  Int32: integer(32),
  Int64: { shape: { type: 'bigint', width: 64 }, comparable: 'bigint' },
  UInt8: cast({ type: 'integer', width: 16 }, 'Int16', 'integer'),
  UInt16: cast({ type: 'integer', width: 32 }, 'Int32', 'integer'),
  UInt32: cast({ type: 'integer' }, 'Int64', 'integer'),
  UInt64: cast({ type: 'decimal', precision: 20, scale: 0 }, 'Decimal(20, 0)', 'decimal'),
  Int128: wide,
  Int256: wide,
  UInt128: wide,
  UInt256: wide,
  Float32: { shape: { type: 'float', width: 32 } },
  Float64: { shape: { type: 'float', width: 64 } },
  BFloat16: cast({ type: 'float', width: 32 }, 'Float32'),
  String: { shape: { type: 'string' }, comparable: 'string' },
  FixedString: { shape: { type: 'bytes' } },
  UUID: { ...textual, comparable: 'uuid' },
  IPv4: textual,
  IPv6: textual,
  Enum8: textual,
  Enum16: textual,
  Date: days,
  Date32: days,
  DateTime: instant(6),
  Time: textual,
  Time64: textual,
  Nothing: { shape: { type: 'string' }, read: () => 'CAST(NULL AS Nullable(String))' },
  ...Object.fromEntries(
    [
      ...['Array', 'Map', 'Tuple', 'Nested', 'JSON', 'Object', 'Variant', 'Dynamic', 'Geometry'],
      ...['Point', 'Ring', 'LineString', 'MultiLineString', 'Polygon', 'MultiPolygon'],
    ].map((name) => [name, json]),
  ),
};

/** Variants hold null without being declared nullable. */
const nullables = new Set(['Variant', 'Dynamic', 'Nothing', 'Geometry']);

function decimalRule(parameters: string): Rule | undefined {
  const [, digits, places] = /^(\d{1,2})\s*,\s*(\d{1,2})$/.exec(parameters) ?? [];
  const [precision, scale] = [Number(digits), Number(places)];
  if (!(precision >= 1 && precision <= 76 && scale <= precision)) return undefined;
  // Beyond 38 digits the server's comparison with other scales may overflow.
  const comparable = precision <= 38 ? { comparable: 'decimal' as const } : {};
  return { shape: { type: 'decimal', precision, scale }, ...comparable };
}

function ruleOf(name: string, parameters: string): Rule | undefined {
  if (name === 'Decimal') return decimalRule(parameters);
  if (name === 'DateTime64') return instant(Number.parseInt(parameters, 10) > 6 ? 9 : 6);
  if (name.startsWith('Interval')) {
    const unit = name.slice('Interval'.length).toLowerCase();
    return { shape: { type: 'string' }, read: (column) => `concat(toString(${column}), ' ${unit}')` };
  }
  return Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** Types that say how a column is stored, or that a value may be missing. */
function unwrapped(native: string): { name: string; parameters: string; isNullable: boolean } {
  let type = native.trim();
  let isNullable = false;
  for (;;) {
    const [, name = '', parameters = ''] = /^(\w{1,64})(?:\(([\s\S]*)\))?$/.exec(type) ?? [];
    isNullable ||= name === 'Nullable';
    if (name === 'Nullable' || name === 'LowCardinality') type = parameters.trim();
    else if (name === 'SimpleAggregateFunction') type = parameters.replace(/^[^,]*,\s*/, '');
    else return { name, parameters, isNullable: isNullable || nullables.has(name) };
  }
}

/**
 * @param native the type as `DESCRIBE` returns it
 * @param isText the request reads the column as text
 * @throws ConnectorError `unsupported` for a type that cannot be read
 */
export function columnRead(column: string, native: string, isText: boolean): ColumnRead {
  const { name, parameters, isNullable } = unwrapped(native);
  const rule = ruleOf(name, parameters);
  if (!rule) {
    const message = `Column ${quoted(column)} has the type ${quoted(native.slice(0, 128))}, which cannot be read.`;
    throw new ConnectorError('unsupported', message, {
      remedy: 'Request only the other columns with "columns", or convert this one in a query.',
    });
  }
  const as = (type: string) => (isNullable ? `Nullable(${type})` : type);
  if (isText) {
    const read = rule.shape.type === 'json' ? json.read : name === 'String' ? undefined : textual.read;
    return { shape: { type: 'string' }, isNullable, read: (own) => read?.(own, as) ?? own };
  }
  const { shape, comparable } = rule;
  return {
    ...{ shape, isNullable, read: (own: string) => rule.read?.(own, as) ?? own },
    ...(comparable ? { comparable } : {}),
  };
}

export const columnOf = (name: string, { shape, isNullable }: ColumnRead): Column => ({
  name,
  nullable: isNullable,
  ...shape,
});
