import { type Cell, type Column, jsonTextOf, type NeutralType } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Comparison, JsonScalar } from '../../interface/filter.js';
import { quoted } from '../json/failures.js';
import { parseDecimal } from './decimals.js';
import { isNaNCell, isOneOf, orderTo } from './numbers.js';
import { dateKey, timeKey, timeValue } from './times.js';

// What the comparisons of a filter mean, by the type of their column.

/** How a cell that is not null compares; false where it cannot be compared. */
export type Test = (cell: Cell) => boolean;

export type RangeOp = 'lt' | 'le' | 'gt' | 'ge';

const numeric = new Set<NeutralType>(['integer', 'bigint', 'decimal', 'float']);
const temporal = new Set<NeutralType>(['date', 'time', 'timestamp', 'datetime']);

/** Whether values of the type have an order that does not depend on a source. */
export const hasRanges = (type: NeutralType): boolean => numeric.has(type) || temporal.has(type);

export const isRange = (op: Comparison['op']): op is RangeOp =>
  op === 'lt' || op === 'le' || op === 'gt' || op === 'ge';

/** What a column holds, and what to compare it with. */
const words: Readonly<Record<NeutralType, readonly [is: string, given: string]>> = {
  boolean: ['a boolean', 'true or false'],
  integer: ['an integer', 'a number, or its digits as text'],
  bigint: ['an integer', 'a number, or its digits as text'],
  decimal: ['a decimal number', 'a number, or its digits as text'],
  float: ['a number', 'a number, its digits as text, "NaN", "Infinity" or "-Infinity"'],
  string: ['text', 'text'],
  date: ['a date', 'text such as 2024-02-29'],
  time: ['a time', 'text such as 13:45:00'],
  timestamp: ['an instant', 'text such as 2024-02-29T13:45:00Z, with a time zone'],
  datetime: ['a date and time', 'text such as 2024-02-29T13:45:00, without a time zone'],
  bytes: ['bytes', 'their base64'],
  json: ['JSON', 'its text'],
};

const notNumbers = new Set(['NaN', 'Infinity', '-Infinity']);
const isBase64 = (text: string) => Buffer.from(text, 'base64').toString('base64') === text;

/**
 * A value in the form of the type's cells: numbers as text, instants in UTC.
 * @returns undefined for a value that the type does not have
 */
export function cellValue(
  { type }: Pick<Column, 'type'>,
  value: Exclude<JsonScalar, null>,
): string | boolean | undefined {
  if (type === 'boolean') return typeof value === 'boolean' ? value : undefined;
  if (numeric.has(type)) {
    const text = typeof value === 'boolean' ? '' : String(value);
    const isNumber = parseDecimal(text) !== undefined;
    return isNumber || ((type === 'float' || type === 'decimal') && notNumbers.has(text)) ? text : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (type === 'time') return timeKey(value) === undefined ? undefined : value;
  if (type === 'date' || type === 'datetime' || type === 'timestamp') return timeValue(type, value);
  return type === 'bytes' && !isBase64(value) ? undefined : value;
}

const rangeOf: Readonly<Record<RangeOp, (order: number) => boolean>> = {
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
};

/** What cells of the type are compared by. */
function keyOf(type: NeutralType): (cell: Cell) => unknown {
  if (type === 'time') return timeKey;
  if (temporal.has(type)) return dateKey;
  if (type === 'json') return jsonTextOf;
  return (cell) => cell;
}

function numberTest(op: Comparison['op'], values: readonly string[]): Test {
  const [bound = ''] = values;
  if (op === 'in') return isOneOf(values);
  if (bound === 'NaN') return isRange(op) ? () => false : isNaNCell;
  const orderOf = orderTo(bound);
  if (!isRange(op)) return (cell) => orderOf(cell) === 0;
  const holds = rangeOf[op];
  return (cell) => holds(orderOf(cell));
}

function keyTest(op: Comparison['op'], type: NeutralType, values: readonly (string | boolean)[]): Test {
  const keyed = keyOf(type);
  // A value of a JSON column is its text already.
  const keys = type === 'json' ? values : values.map(keyed);
  const bound = keys[0] as string;
  switch (op) {
    case 'lt':
      return (cell) => (keyed(cell) as string) < bound;
    case 'le':
      return (cell) => (keyed(cell) as string) <= bound;
    case 'gt':
      return (cell) => (keyed(cell) as string) > bound;
    case 'ge':
      return (cell) => (keyed(cell) as string) >= bound;
    case 'in': {
      const all = new Set(keys);
      return (cell) => all.has(keyed(cell));
    }
    default:
      return (cell) => keyed(cell) === bound;
  }
}

/**
 * Whether a cell that is not null is equal, is in the range, or is one of the values. For `ne`, whether it is equal.
 * @param values of the type, as `cellValue` gives them
 */
export function testOf(
  op: Comparison['op'],
  { type }: Pick<Column, 'type'>,
  values: readonly (string | boolean)[],
): Test {
  if (values.length === 0) return () => false;
  return numeric.has(type) ? numberTest(op, values as readonly string[]) : keyTest(op, type, values);
}

export function misfit(place: string, { name, type }: Pick<Column, 'name' | 'type'>): ConnectorError {
  const [is, given] = words[type];
  return new ConnectorError(
    'invalid_query',
    `${place}: column ${quoted(name)} is ${is}, and the value is not.`,
    {
      remedy: `Compare it with ${given}.`,
    },
  );
}

export function noRange(place: string, { name, type }: Pick<Column, 'name' | 'type'>): ConnectorError {
  const [is] = words[type];
  const what = type === 'string' ? 'this source cannot compare ranges of text' : 'that has no ranges';
  return new ConnectorError('unsupported', `${place}: column ${quoted(name)} is ${is}, and ${what}.`, {
    remedy: 'Compare with eq, ne, in or null, or use a query.',
  });
}
