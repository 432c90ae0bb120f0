import type { SchemaElement } from 'hyparquet';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { assertRecord } from '../../kit/json/document.js';
import { parseCell } from '../../kit/json/exact.js';
import { trimmedSpan } from '../../kit/json/spans.js';
import { type Cell, JsonText, type JsonValue, type NeutralType } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { depthMax } from './limits.js';
import { brokenParquet, tooLargeParquet } from './parquet-errors.js';
import type { ParquetCaps } from './parquet-limits.js';
import type { Decode } from './parquet-values.js';

// Parquet's physical and logical types → neutral types. hyparquet turns decimals into floating-point numbers and
// timestamps into milliseconds, so for flat columns we take the raw values and convert them exactly.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md

type Convert = (value: unknown) => Cell;
type ConvertPlainly = (value: unknown) => JsonValue;

/** How one top-level column comes out. */
export interface ColumnPlan {
  type: NeutralType;
  /** Called with values that are neither null nor undefined. */
  convert: Convert;
  /** hyparquet must leave the raw value alone: strip the annotations before reading. */
  isRaw: boolean;
  /** A group, list or map. */
  isNested: boolean;
}

/** Longest decimal, in bytes and in digits behind the point; Arrow's longest has 32 and 76. */
const decimalBytesMax = 128;

type Unit = 'MILLIS' | 'MICROS' | 'NANOS';
const perSecond: Record<Unit, number> = { MILLIS: 1e3, MICROS: 1e6, NANOS: 1e9 };

const toBigInt = (value: unknown): bigint => BigInt(value as bigint | number);

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

const toBase64: ConvertPlainly = (value) => bufferOf(value as Uint8Array).toString('base64');

const toFloat: ConvertPlainly = (value) => {
  const number = Number(value);
  return Number.isFinite(number) ? number : String(number);
};

/** Whole seconds and microseconds behind them; nanoseconds are cut, the neutral types carry no finer ones. */
function splitSeconds(value: bigint, unit: Unit): { seconds: number; micros: number } {
  const scale = perSecond[unit];
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    const seconds = Math.floor(number / scale);
    return { seconds, micros: Math.floor(((number - seconds * scale) * 1e6) / scale) };
  }
  const whole = BigInt(scale);
  const rest = ((value % whole) + whole) % whole;
  return { seconds: Number((value - rest) / whole), micros: Math.floor((Number(rest) * 1e6) / scale) };
}

const fraction = (micros: number) => (micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`);

function toTimestamp(value: bigint, unit: Unit, isUtc: boolean): string {
  const { seconds, micros } = splitSeconds(value, unit);
  const whole = new Date(seconds * 1_000).toISOString().slice(0, -5);
  return `${whole}${fraction(micros)}${isUtc ? 'Z' : ''}`;
}

function toTime(value: bigint, unit: Unit): string {
  const { seconds, micros } = splitSeconds(value, unit);
  const part = (number: number) => String(number).padStart(2, '0');
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${clock.map(part).join(':')}${fraction(micros)}`;
}

const toDate: Convert = (value) => new Date(Number(value) * 86_400_000).toISOString().slice(0, -14);

/** Digits of a longer number take time by the square of its bytes. */
function assertDecimal(value: unknown): void {
  if (value instanceof Uint8Array && value.length > decimalBytesMax)
    throw tooLargeParquet('a decimal too long');
}

function unscaled(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return toBigInt(value);
  assertDecimal(value);
  const hex = bufferOf(value).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(value.byteLength * 8, BigInt(`0x${hex}`));
}

function toDecimal(value: unknown, scale: number): string {
  const integer = unscaled(value);
  if (scale <= 0) return String(integer);
  const digits = String(integer < 0n ? -integer : integer).padStart(scale + 1, '0');
  return `${integer < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Values inside nested columns, which hyparquet has already converted. */
function toJson(value: unknown, depth = 1): JsonValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return toFloat(value);
  if (value instanceof Uint8Array) return toBase64(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof JsonText) return value.toJSON();
  if (typeof value !== 'object') return value as string | boolean;
  if (depth > depthMax) throw tooLargeParquet(`a value nested deeper than ${depthMax} levels`);
  if (Array.isArray(value)) return value.map((item) => toJson(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item, depth + 1)]));
}

const toText: Convert = (value) => bufferOf(value as Uint8Array).toString('utf8');

function toJsonDocument(value: unknown, caps: ParquetCaps['json']): Cell {
  if ((value as Uint8Array).length > caps.recordBytes)
    throw tooLargeParquet('a JSON value that is too large');
  try {
    assertRecord(value as Uint8Array, caps.record);
    return parseCell(trimmedSpan(bufferOf(value as Uint8Array)));
  } catch (error) {
    // The native message quotes the value, so it is not kept.
    throw error instanceof ConnectorError ? error : brokenParquet('a JSON value is not valid');
  }
}

const same: Convert = (value) => value as JsonValue;
const kept = (type: NeutralType, convert: Convert = same): ColumnPlan => ({
  type,
  convert,
  isRaw: false,
  isNested: false,
});
const raw = (type: NeutralType, convert: Convert): ColumnPlan => ({
  type,
  convert,
  isRaw: true,
  isNested: false,
});

function decimalScale(element: SchemaElement): number | undefined {
  const scale = declaredScale(element);
  if (scale !== undefined && scale > decimalBytesMax) throw tooLargeParquet('a decimal too long');
  return scale;
}

function declaredScale({ converted_type, logical_type, scale }: SchemaElement): number | undefined {
  if (logical_type?.type === 'DECIMAL') return logical_type.scale ?? 0;
  return converted_type === 'DECIMAL' ? (scale ?? 0) : undefined;
}

function temporalPlan({ converted_type, logical_type, type }: SchemaElement): ColumnPlan | undefined {
  if (logical_type?.type === 'TIMESTAMP') {
    const { unit, isAdjustedToUTC } = logical_type;
    return raw(isAdjustedToUTC ? 'timestamp' : 'datetime', (value) =>
      toTimestamp(toBigInt(value), unit, isAdjustedToUTC),
    );
  }
  if (logical_type?.type === 'TIME') {
    const { unit } = logical_type;
    return raw('time', (value) => toTime(toBigInt(value), unit));
  }
  if (type === 'INT96') return kept('timestamp', (value) => toTimestamp(toBigInt(value), 'NANOS', true));
  if (logical_type?.type === 'DATE' || converted_type === 'DATE') return raw('date', toDate);
  const [kind, unit] = converted_type?.split('_') ?? [];
  if (unit !== 'MILLIS' && unit !== 'MICROS') return undefined;
  if (kind === 'TIMESTAMP') return raw('timestamp', (value) => toTimestamp(toBigInt(value), unit, true));
  return kind === 'TIME' ? raw('time', (value) => toTime(toBigInt(value), unit)) : undefined;
}

function integerPlan(element: SchemaElement): ColumnPlan {
  const { converted_type, logical_type, type } = element;
  const isUnsigned =
    logical_type?.type === 'INTEGER'
      ? !logical_type.isSigned
      : (converted_type?.startsWith('UINT_') ?? false);
  if (type === 'INT64') {
    return raw('bigint', (value) => String(isUnsigned ? BigInt.asUintN(64, toBigInt(value)) : value));
  }
  return raw('integer', isUnsigned ? (value) => Number(value) >>> 0 : (value) => Number(value));
}

function bytesPlan({ converted_type, logical_type }: SchemaElement, json: ParquetCaps['json']): ColumnPlan {
  const annotation = logical_type?.type ?? converted_type;
  switch (annotation) {
    case 'UUID':
      return kept('string');
    case 'STRING':
    case 'UTF8':
    case 'ENUM':
      return raw('string', toText);
    case 'JSON':
      return raw('json', (value) => toJsonDocument(value, json));
    case 'FLOAT16':
      return kept('float', toFloat);
    default:
      return raw('bytes', toBase64);
  }
}

/**
 * Neutral type and conversion of a top-level column. 64-bit integers and decimals come as exact text; groups,
 * lists and maps as `json`, in which decimals are floating-point numbers, timestamps have milliseconds (those of
 * nanoseconds are numbers of nanoseconds since 1970, as text) and bytes are base64.
 */
export function columnPlan(element: SchemaElement, isGroup: boolean, json: ParquetCaps['json']): ColumnPlan {
  if (isGroup || element.repetition_type === 'REPEATED') {
    return { type: 'json', convert: (value) => toJson(value), isRaw: false, isNested: true };
  }
  const scale = decimalScale(element);
  if (scale !== undefined) return raw('decimal', (value) => toDecimal(value, scale));
  const temporal = temporalPlan(element);
  if (temporal) return temporal;
  switch (element.type) {
    case 'BOOLEAN':
      return kept('boolean', Boolean);
    case 'INT32':
    case 'INT64':
      return integerPlan(element);
    case 'FLOAT':
    case 'DOUBLE':
      return raw('float', toFloat);
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return bytesPlan(element, json);
    default:
      throw new ConnectorError('unsupported', 'The Parquet file has a column of an unknown type.');
  }
}

/** Timestamps of nanoseconds and INT96 lose digits as dates, so they are handed over as they are. */
export const parsersOf = (json: ParquetCaps['json']) => ({
  timestampFromNanoseconds: (value: bigint) => value,
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && toJsonDocument(bytes, json),
});

/**
 * From a stored value of a leaf to what its column is made of: of a flat column the cell itself, of a nested one what
 * hyparquet makes of the value.
 */
export function decoderOf(element: SchemaElement, plan: ColumnPlan, json: ParquetCaps['json']): Decode {
  const { converted_type: _converted, logical_type: _logical, ...bare } = element;
  const decoder = {
    element: plan.isRaw ? bare : element,
    utf8: false,
    parsers: { ...DEFAULT_PARSERS, ...parsersOf(json) },
  } as unknown as Parameters<typeof convert>[1];
  const converted = (stored: unknown): unknown => convert([stored], decoder)[0];
  // hyparquet takes unsigned integers of 64 bits for signed ones unless they come as an array of such.
  if (plan.isNested && element.type === 'INT64') {
    return (stored) => convert(BigInt64Array.of(stored as bigint), decoder)[0];
  }
  if (plan.isNested) {
    return (stored) => {
      if (element.converted_type === 'DECIMAL') assertDecimal(stored);
      return converted(stored);
    };
  }
  if (plan.isRaw && element.type !== 'INT96') return plan.convert;
  return (stored) => plan.convert(converted(stored));
}
