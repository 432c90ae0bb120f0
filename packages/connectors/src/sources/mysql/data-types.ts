import mysql, { type FieldPacket } from 'mysql2';
import type { MySqlType } from '../../families/mysql/reads.js';
import { brokenFrame } from '../../kit/frame-guard.js';
import type { JsonValue } from '../../spec/data-types.js';

// The driver is CommonJS, and Node finds this name on its default export only.
const { Types } = mysql;

/** Bit of a column's flags. Source: MySQL manual, "Column Definition Flags". */
const UNSIGNED_FLAG = 32;
/** Number of the character set that marks bytes. Source: MySQL manual, "Character Set". */
const BINARY_CHARSET = 63;
const BIGINT_BITS = 63;
const BIT_BYTES_MAX = 8;

/** Whole seconds of a column with fractions arrive as `.000000` or without, depending on the protocol. */
function trimFraction(text: string): string {
  if (!text.endsWith('0') || !text.includes('.')) return text;
  let end = text.length;
  while (text[end - 1] === '0') end -= 1;
  return text.slice(0, text[end - 1] === '.' ? end - 1 : end);
}

const toTime = (value: unknown): JsonValue => trimFraction(String(value));
const toLocal = (value: unknown): JsonValue => trimFraction(String(value)).replace(' ', 'T');
const toInstant = (value: unknown): JsonValue => `${toLocal(value)}Z`;

function toBase64(value: unknown): JsonValue {
  return Buffer.isBuffer(value) ? value.toString('base64') : Buffer.from(String(value)).toString('base64');
}

function bitsToDecimal(value: unknown): JsonValue {
  if (!Buffer.isBuffer(value) || value.length > BIT_BYTES_MAX) throw brokenFrame();
  return value.length > 0 ? BigInt(`0x${value.toString('hex')}`).toString() : '0';
}

/** The shortest number that is the same single-precision value: 0.1, not 0.10000000149011612. */
function toSingle(value: unknown): JsonValue {
  const single = Number(value);
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return single;
}

function toJson(value: unknown): JsonValue {
  try {
    return JSON.parse(String(value)) as JsonValue;
  } catch {
    return String(value);
  }
}

/** Points and their lists, as the driver reads them. */
const toGeometry = (value: unknown): JsonValue => value as JsonValue;

const integer: MySqlType = { type: 'integer' };
const decimal: MySqlType = { type: 'decimal' };
const json: MySqlType = { type: 'json', convert: toJson };
const text: MySqlType = { type: 'string' };
const bytes: MySqlType = { type: 'bytes', convert: toBase64 };

/** By type of the protocol; those left out are text or bytes. Source: MySQL manual, "Column Type". */
const types = new Map<number, MySqlType>([
  [Types.TINY, integer],
  [Types.SHORT, integer],
  [Types.INT24, integer],
  [Types.LONG, integer],
  [Types.YEAR, integer],
  [Types.LONGLONG, { type: 'bigint' }],
  [Types.DECIMAL, decimal],
  [Types.NEWDECIMAL, decimal],
  [Types.FLOAT, { type: 'float', convert: toSingle }],
  [Types.DOUBLE, { type: 'float' }],
  [Types.BIT, { type: 'bigint', convert: bitsToDecimal }],
  [Types.DATE, { type: 'date' }],
  [Types.NEWDATE, { type: 'date' }],
  [Types.TIME, { type: 'time', convert: toTime }],
  [Types.DATETIME, { type: 'datetime', convert: toLocal }],
  [Types.TIMESTAMP, { type: 'timestamp', convert: toInstant }],
  [Types.JSON, json],
  [Types.GEOMETRY, { type: 'json', convert: toGeometry }],
  [Types.NULL, text],
]);

/** The neutral type of a column of a result. */
export function mySqlType(field: FieldPacket): MySqlType {
  const number = field.columnType ?? Types.VAR_STRING;
  const isUnsigned = (Number(field.flags) & UNSIGNED_FLAG) !== 0;
  if (number === Types.LONGLONG && isUnsigned) return decimal;
  if (number === Types.BIT && (field.columnLength ?? 0) > BIGINT_BITS) {
    return { type: 'decimal', convert: bitsToDecimal };
  }
  // MariaDB sends JSON as text and says so beside the type.
  if (field.extendedFormat === 'json') return json;
  return types.get(number) ?? (field.characterSet === BINARY_CHARSET ? bytes : text);
}
