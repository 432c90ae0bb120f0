import type { SchemaElement, TimeUnit } from 'hyparquet';
import type { Cell, ValueShape } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { decimalText } from '../../kit/decimals.js';
import { jsonCell } from '../../kit/json/cells.js';
import { assertRecord } from '../../kit/json/document.js';
import { quoted } from '../../kit/json/failures.js';
import { Misfit } from '../../kit/misfit.js';
import { brokenParquet, tooLargeParquet } from './parquet-errors.js';
import type { SchemaNode } from './parquet-footer.js';
import type { ParquetCaps } from './parquet-limits.js';
import { dateText, int96Text, intervalText, timestampText, timeText } from './parquet-times.js';

// Maps Parquet's physical and logical types to neutral types, exactly, at the top level and within lists, maps and
// structs. https://github.com/apache/parquet-format/blob/master/LogicalTypes.md

type Convert = (stored: unknown) => Cell;

/** How to convert the values of one leaf. */
export interface LeafPlan {
  shape: ValueShape;
  /**
   * Takes the stored value, never null.
   * @throws Misfit for a value that the type cannot represent
   */
  convert: Convert;
}

/** Maximum decimal size, in bytes and in fractional digits; Arrow's maximum is 32 and 76. */
const decimalBytesMax = 128;

const toBigInt = (value: unknown): bigint => BigInt(value as bigint | number);

const bufferOf = (value: unknown) => {
  if (!(value instanceof Uint8Array)) throw new TypeError('no bytes');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
};

const toBase64: Convert = (value) => bufferOf(value).toString('base64');

function toFloat(value: number): Cell {
  return Number.isFinite(value) ? value : String(value);
}

/** Sign, five exponent bits, ten fraction bits (IEEE 754 binary16). */
function float16(value: unknown): number {
  const bits = bufferOf(value).readUInt16LE(0);
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const rest = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -24 * rest;
  if (exponent === 0x1f) return rest === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + rest / 1024);
}

function toUuid(value: unknown): string {
  const hex = bufferOf(value).toString('hex');
  if (hex.length !== 32) throw new RangeError('a UUID of the wrong length');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function unscaled(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return toBigInt(value);
  // Conversion takes time quadratic in the number of bytes.
  if (value.length > decimalBytesMax) throw tooLargeParquet('a decimal that is too long');
  const hex = bufferOf(value).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(value.byteLength * 8, BigInt(`0x${hex}`));
}

const toDecimal = (value: unknown, scale: number): string => decimalText(unscaled(value), scale);

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const toText: Convert = (value) => {
  const text = bufferOf(value).toString('utf8');
  // Only text with the replacement character needs a second look.
  if (!text.includes('\ufffd')) return text;
  try {
    return fatal.decode(value as Uint8Array);
  } catch {
    throw new Misfit('holds text that is not UTF-8');
  }
};

function toJsonDocument(value: unknown, caps: ParquetCaps['json']): Cell {
  const bytes = bufferOf(value);
  if (bytes.length > caps.recordBytes) throw tooLargeParquet('a JSON value that is too large');
  try {
    assertRecord(bytes, caps.record);
    return jsonCell(toText(bytes) as string);
  } catch (error) {
    if (error instanceof ConnectorError || error instanceof Misfit) throw error;
    throw new Misfit('holds invalid JSON');
  }
}

function decimalPlan(element: SchemaElement): LeafPlan | undefined {
  const { converted_type, logical_type } = element;
  const isLogical = logical_type?.type === 'DECIMAL';
  if (!isLogical && converted_type !== 'DECIMAL') return undefined;
  const { scale = 0, precision = 0 } = isLogical ? logical_type : element;
  if (scale > decimalBytesMax) throw tooLargeParquet('a decimal that is too long');
  if (scale < 0) throw brokenParquet('a decimal with a negative scale');
  const declared = precision > 0 && precision >= scale ? { precision, scale } : {};
  return { shape: { type: 'decimal', ...declared }, convert: (value) => toDecimal(value, scale) };
}

const timestampPlan = (unit: TimeUnit, isUtc: boolean): LeafPlan => ({
  shape: { type: isUtc ? 'timestamp' : 'datetime' },
  convert: (value) => timestampText(toBigInt(value), unit, isUtc),
});

const timePlan = (unit: TimeUnit): LeafPlan => ({
  shape: { type: 'time' },
  convert: (value) => timeText(toBigInt(value), unit),
});

function temporalPlan({ converted_type, logical_type, type }: SchemaElement): LeafPlan | undefined {
  if (logical_type?.type === 'TIMESTAMP') {
    return timestampPlan(logical_type.unit, logical_type.isAdjustedToUTC);
  }
  if (logical_type?.type === 'TIME') return timePlan(logical_type.unit);
  // The file does not say whether it is an instant.
  if (type === 'INT96')
    return { shape: { type: 'datetime' }, convert: (value) => int96Text(value as bigint) };
  if (logical_type?.type === 'DATE' || converted_type === 'DATE') {
    return { shape: { type: 'date' }, convert: (value) => dateText(Number(value)) };
  }
  const [kind, unit] = converted_type?.split('_') ?? [];
  if (unit !== 'MILLIS' && unit !== 'MICROS') return undefined;
  if (kind === 'TIMESTAMP') return timestampPlan(unit, true);
  return kind === 'TIME' ? timePlan(unit) : undefined;
}

function integerPlan({ converted_type, logical_type, type }: SchemaElement): LeafPlan {
  const isUnsigned =
    logical_type?.type === 'INTEGER'
      ? !logical_type.isSigned
      : (converted_type?.startsWith('UINT_') ?? false);
  if (type === 'INT64') {
    return isUnsigned
      ? {
          shape: { type: 'decimal', precision: 20, scale: 0 },
          convert: (value) => String(BigInt.asUintN(64, toBigInt(value))),
        }
      : { shape: { type: 'bigint', width: 64 }, convert: String };
  }
  return isUnsigned
    ? { shape: { type: 'integer', width: 64 }, convert: (value) => Number(value) >>> 0 }
    : { shape: { type: 'integer', width: 32 }, convert: (value) => Number(value) };
}

function bytesPlan({ converted_type, logical_type }: SchemaElement, json: ParquetCaps['json']): LeafPlan {
  switch (logical_type?.type ?? converted_type) {
    case 'UUID':
      return { shape: { type: 'string' }, convert: toUuid };
    case 'STRING':
    case 'UTF8':
    case 'ENUM':
      return { shape: { type: 'string' }, convert: toText };
    case 'INTERVAL':
      return { shape: { type: 'string' }, convert: (value) => intervalText(bufferOf(value)) };
    case 'JSON':
      return { shape: { type: 'json' }, convert: (value) => toJsonDocument(value, json) };
    case 'FLOAT16':
      return { shape: { type: 'float', width: 16 }, convert: (value) => toFloat(float16(value)) };
    default:
      return { shape: { type: 'bytes' }, convert: toBase64 };
  }
}

/** @throws ConnectorError `unsupported` for an unknown type */
export function leafPlan(element: SchemaElement, json: ParquetCaps['json']): LeafPlan {
  const plan = decimalPlan(element) ?? temporalPlan(element);
  if (plan) return plan;
  switch (element.type) {
    case 'BOOLEAN':
      return { shape: { type: 'boolean' }, convert: Boolean };
    case 'INT32':
    case 'INT64':
      return integerPlan(element);
    case 'FLOAT':
    case 'DOUBLE':
      return {
        shape: { type: 'float', width: element.type === 'FLOAT' ? 32 : 64 },
        convert: (value) => toFloat(value as number),
      };
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return bytesPlan(element, json);
    default:
      throw new ConnectorError(
        'unsupported',
        `Column ${quoted(element.name)} of the Parquet file has an unknown type.`,
        {
          remedy: 'Request only the other columns with "columns".',
        },
      );
  }
}

export const isNested = ({ element, children }: SchemaNode): boolean =>
  children.length > 0 || element.repetition_type === 'REPEATED';
