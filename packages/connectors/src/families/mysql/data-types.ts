import mysql, { type FieldPacket } from 'mysql2';
import type { Cell, NativeType, ValueShape } from '../../interface/data-types.js';
import { brokenFrame } from '../../kit/frame-guard.js';
import { jsonCell } from '../../kit/json/cells.js';
import { Misfit } from '../../kit/misfit.js';
import { shortestOfSingle } from '../../kit/single.js';
import type { MySqlType, MySqlTypes } from './fields.js';
import { geometryText } from './geometry.js';

// The driver is CommonJS, and Node exposes this name only on its default export.
const { Types } = mysql;

/** Bits in a column's flags. Source: MySQL manual, "Column Definition Flags". */
const UNSIGNED_FLAG = 32;
const ZEROFILL_FLAG = 64;
/** The character set number that marks bytes. Source: MySQL manual, "Character Set". */
const BINARY_CHARSET = 63;
const BIGINT_BITS = 63;
const BIT_BYTES_MAX = 8;

/** Whole seconds in a column with fractions arrive with or without `.000000`, depending on the protocol. */
function trimFraction(text: string): string {
  if (!text.endsWith('0') || !text.includes('.')) return text;
  let end = text.length;
  while (text[end - 1] === '0') end -= 1;
  return text.slice(0, text[end - 1] === '.' ? end - 1 : end);
}

/** Leading zeros are only a display format, which some protocols drop. */
const toPlainNumber = (value: unknown): Cell => String(value).replace(/^(-?)0+(?=\d)/, '$1');

const toTime = (value: unknown): Cell => trimFraction(String(value));
const toLocal = (value: unknown): Cell => trimFraction(String(value)).replace(' ', 'T');
const toInstant = (value: unknown): Cell => `${toLocal(value)}Z`;

function toBase64(value: unknown): Cell {
  return Buffer.isBuffer(value) ? value.toString('base64') : Buffer.from(String(value)).toString('base64');
}

function bitsToDecimal(value: unknown): Cell {
  if (!Buffer.isBuffer(value) || value.length > BIT_BYTES_MAX) throw brokenFrame();
  return value.length > 0 ? BigInt(`0x${value.toString('hex')}`).toString() : '0';
}

const toSingle = (value: unknown): Cell => shortestOfSingle(Number(value));

function toJson(value: unknown): Cell {
  try {
    return jsonCell(String(value));
  } catch (error) {
    // MariaDB accepts any text in a column that was created without its check.
    throw error instanceof SyntaxError ? new Misfit('holds text that is not valid JSON') : error;
  }
}

function toBoolean(value: unknown): Cell {
  if (value === 0 || value === 1) return value === 1;
  throw new Misfit(`holds ${Number(value)}, which is neither true nor false`);
}

function toGeometry(value: unknown): Cell {
  if (!Buffer.isBuffer(value)) throw brokenFrame();
  return geometryText(value);
}

const json: MySqlType = { type: 'json', convert: toJson, toText: String };
const text: MySqlType = { type: 'string' };
const bytes: MySqlType = { type: 'bytes', convert: toBase64 };
const unsigned64: MySqlType = { type: 'decimal', precision: 20, scale: 0 };

/** Bits of a signed integer that can hold a stored integer of this many bytes, signed and unsigned. */
const widths = new Map<number, readonly [signed: 8 | 16 | 32, unsigned: 16 | 32 | 64]>([
  [Types.TINY, [8, 16]],
  [Types.SHORT, [16, 32]],
  [Types.INT24, [32, 32]],
  [Types.LONG, [32, 64]],
  [Types.YEAR, [16, 16]],
]);

/** By protocol type; types that are not listed are text or bytes. Source: MySQL manual, "Column Type". */
const types = new Map<number, MySqlType>([
  [Types.LONGLONG, { type: 'bigint', width: 64 }],
  [Types.FLOAT, { type: 'float', width: 32, convert: toSingle }],
  [Types.DOUBLE, { type: 'float', width: 64 }],
  [Types.BIT, { type: 'bigint', width: 64, convert: bitsToDecimal }],
  [Types.DATE, { type: 'date' }],
  [Types.NEWDATE, { type: 'date' }],
  [Types.TIME, { type: 'time', convert: toTime }],
  [Types.DATETIME, { type: 'datetime', convert: toLocal }],
  [Types.TIMESTAMP, { type: 'timestamp', convert: toInstant }],
  [Types.JSON, json],
  [Types.GEOMETRY, { type: 'string', convert: toGeometry }],
  [Types.NULL, text],
]);

/** Maximum digits of a MySQL decimal. */
const DECIMAL_DIGITS_MAX = 65;

/** The length of a decimal includes its sign and decimal point. Source: MySQL's `my_decimal_precision_to_length`. */
function decimalOf({ columnLength = 0, decimals = 0 }: FieldPacket, isUnsigned: boolean): MySqlType {
  const precision = columnLength - (decimals > 0 ? 1 : 0) - (isUnsigned ? 0 : 1);
  const isDeclared = precision >= 1 && precision <= DECIMAL_DIGITS_MAX && decimals <= precision;
  return { type: 'decimal', ...(isDeclared ? { precision, scale: decimals } : {}) };
}

function typeOf(field: FieldPacket, { booleans }: { booleans: boolean }): MySqlType {
  const number = field.columnType ?? Types.VAR_STRING;
  const isUnsigned = (Number(field.flags) & UNSIGNED_FLAG) !== 0;
  if (booleans && number === Types.TINY && field.columnLength === 1) {
    return { type: 'boolean', convert: toBoolean };
  }
  const width = widths.get(number);
  if (width) return { type: 'integer', width: width[isUnsigned ? 1 : 0] };
  if (number === Types.DECIMAL || number === Types.NEWDECIMAL) return decimalOf(field, isUnsigned);
  if (number === Types.LONGLONG && isUnsigned) return unsigned64;
  if (number === Types.BIT && (field.columnLength ?? 0) > BIGINT_BITS) {
    return { ...unsigned64, convert: bitsToDecimal };
  }
  // MariaDB sends JSON as text and marks it beside the type.
  if (field.extendedFormat === 'json') return json;
  return types.get(number) ?? (field.characterSet === BINARY_CHARSET ? bytes : text);
}

/**
 * The neutral type of a result column.
 * @param booleans treats `tinyint(1)`, in which MySQL stores declared booleans, as boolean
 */
export const mySqlTypes =
  (options: { booleans: boolean }): MySqlTypes =>
  (field) => {
    const type = typeOf(field, options);
    const isPadded = (Number(field.flags) & ZEROFILL_FLAG) !== 0;
    return isPadded && isNumberText(type) ? { ...type, convert: toPlainNumber, toText: String } : type;
  };

const isNumberText = ({ type, convert }: MySqlType): boolean =>
  convert === undefined && (type === 'bigint' || type === 'decimal');

type Described = Partial<
  Pick<FieldPacket, 'columnType' | 'flags' | 'columnLength' | 'decimals' | 'characterSet'>
>;

/** Columns of each type, as the server describes them. */
const examples: readonly (readonly [native: string, field: Described])[] = [
  ['tinyint', { columnType: Types.TINY }],
  ['tinyint unsigned', { columnType: Types.TINY, flags: UNSIGNED_FLAG }],
  ['smallint', { columnType: Types.SHORT }],
  ['smallint unsigned, mediumint, int', { columnType: Types.LONG }],
  ['int unsigned', { columnType: Types.LONG, flags: UNSIGNED_FLAG }],
  ['bigint', { columnType: Types.LONGLONG }],
  ['bigint unsigned', { columnType: Types.LONGLONG, flags: UNSIGNED_FLAG }],
  ['year', { columnType: Types.YEAR }],
  ['decimal(10, 2)', { columnType: Types.NEWDECIMAL, columnLength: 12, decimals: 2 }],
  ['float', { columnType: Types.FLOAT }],
  ['double', { columnType: Types.DOUBLE }],
  ['bit(1) to bit(63)', { columnType: Types.BIT, columnLength: BIGINT_BITS }],
  ['bit(64)', { columnType: Types.BIT, columnLength: BIGINT_BITS + 1 }],
  ['date', { columnType: Types.DATE }],
  ['time', { columnType: Types.TIME }],
  ['datetime', { columnType: Types.DATETIME }],
  ['timestamp', { columnType: Types.TIMESTAMP }],
  ['json', { columnType: Types.JSON }],
  ['geometry (extended well-known text)', { columnType: Types.GEOMETRY }],
  ['binary, varbinary, blob', { columnType: Types.BLOB, characterSet: BINARY_CHARSET }],
  ['char, varchar, text, enum, set and the rest', { columnType: Types.VAR_STRING }],
];

function shapeOfField(field: Described, booleans: boolean): ValueShape {
  const { convert: _convert, toText: _toText, ...shape } = mySqlTypes({ booleans })(field as FieldPacket);
  return shape;
}

/** For the page of values. */
export const nativeTypes: readonly NativeType[] = [
  ...examples.map(([native, field]) => ({ native, shape: shapeOfField(field, false) })),
  {
    native: 'tinyint(1) with treatTinyAsBoolean',
    shape: shapeOfField({ columnType: Types.TINY, columnLength: 1 }, true),
  },
];
