import type { Column } from '../../interface/data-types.js';
import type { JsonScalar } from '../../interface/filter.js';
import { cellValue } from './comparisons.js';
import { type Decimal, parseDecimal } from './decimals.js';
import { isExactDouble } from './numbers.js';

// Values that every source takes as they are. What one would round, refuse or misread stays here: it would find other rows.

/** MySQL's widest cast. */
const [wholeMax, scaleMax] = [35, 30];

function plainText({ isNegative, digits, point }: Decimal): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  const fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  return `${isNegative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function integer(text: string, width = 64): number | string | undefined {
  const exact = parseDecimal(text);
  if (!exact || exact.point > 19 || exact.digits.length > Math.max(exact.point, 0)) return undefined;
  const plain = BigInt(plainText(exact));
  if (BigInt.asIntN(width, plain) !== plain) return undefined;
  return Number.isSafeInteger(Number(plain)) ? Number(plain) : String(plain);
}

function decimal(text: string): string | undefined {
  const exact = parseDecimal(text);
  if (!exact) return undefined;
  const scale = Math.max(exact.digits.length - exact.point, 0);
  const whole = Math.max(exact.point, 0);
  return whole <= wholeMax && scale <= scaleMax ? plainText(exact) : undefined;
}

const plainTime = /^(?!0000)\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)?$/;
const plainClock = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?$/;

/**
 * The value as a source gets it: in the form of the column's cells, long integers as text, instants in UTC.
 * @returns undefined for a value that must be compared here
 */
export function travelling({ type, width }: Column, value: JsonScalar): JsonScalar | undefined {
  const own = value === null ? undefined : cellValue({ type }, value);
  if (own === undefined || typeof own === 'boolean') return own;
  switch (type) {
    case 'integer':
    case 'bigint': {
      const found = integer(own, width);
      return found !== undefined && type === 'bigint' ? String(found) : found;
    }
    case 'decimal':
      return decimal(own);
    case 'float':
      // A source would compare a float of 32 bits with a double, and these are never equal.
      return width !== 32 && isExactDouble(own) ? Number(own) : undefined;
    case 'date':
    case 'datetime':
    case 'timestamp':
      return plainTime.test(own) ? own : undefined;
    case 'time':
      if (!plainClock.test(own)) return undefined;
      return own.length === 5 ? `${own}:00` : own;
    default:
      return own.includes('\0') || !own.isWellFormed() ? undefined : own;
  }
}
