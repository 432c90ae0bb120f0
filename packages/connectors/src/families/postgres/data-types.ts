import type { Cell, NativeType, ValueShape } from '../../interface/data-types.js';
import { brokenFrame } from '../../kit/frame-guard.js';
import { jsonCell } from '../../kit/json/cells.js';
import { Misfit } from '../../kit/misfit.js';
import { parseArray } from './arrays.js';
import type { RunStatement } from './connection.js';
import type { PostgresType, PostgresTypes } from './fields.js';

const asIs = (text: string): Cell => text;
const toNumber = (text: string): Cell => +text;

/** NaN and the infinities have the same names in PostgreSQL and in the neutral form. */
function toFloat(text: string): Cell {
  const value = +text;
  return Number.isFinite(value) ? value : text;
}

/** The format is not guaranteed: a statement may change a setting while it runs. */
function asAsked(isSo: boolean): void {
  if (!isSo) throw new Misfit('has an unexpected format, because the query changes a session setting');
}

function toBase64(text: string): Cell {
  asAsked(text.startsWith('\\x'));
  return Buffer.from(text.slice(2), 'hex').toString('base64');
}

function toJson(text: string): Cell {
  try {
    return jsonCell(text);
  } catch (error) {
    throw error instanceof SyntaxError ? brokenFrame() : error;
  }
}

/** `infinity`, `-infinity` and years BC have no ISO form that all readers support, so they stay text. */
function hasNoIsoForm(text: string): boolean {
  return text.endsWith('BC') || text.endsWith('infinity');
}

const SPACE = 32;
const DASH = 45;

/** A date in the requested style, alone or before a time. */
function assertIsoDate(text: string): void {
  const dash = text.indexOf('-', 1);
  asAsked((dash >= 4 && text.charCodeAt(dash + 3) === DASH) || hasNoIsoForm(text));
}

function toDate(text: string): Cell {
  assertIsoDate(text);
  return text;
}

/** `2024-02-29 12:34:56.789` → `2024-02-29T12:34:56.789`. */
function toLocalTimestamp(text: string): string {
  assertIsoDate(text);
  return hasNoIsoForm(text) ? text : text.replace(' ', 'T');
}

const zoned = /^(\d{4,6})(-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

/** Converts an instant with an offset other than UTC, which a statement may set for itself. */
function shiftToUtc(text: string): string {
  const [, year = '', date, time, fraction = '', sign, hours, minutes = '0', seconds = '0'] =
    zoned.exec(text) ?? [];
  const local = Date.parse(`+${year.padStart(6, '0')}${date}T${time}Z`);
  asAsked(!Number.isNaN(local));
  const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  const utc = new Date(sign === '-' ? local + offset : local - offset).toISOString();
  return utc.replace(/^\+0*(?=\d{4})/, '').replace('.000Z', `${fraction}Z`);
}

/** `2024-02-29 12:34:56.789+00` → `2024-02-29T12:34:56.789Z`. */
export function toInstant(text: string): string {
  assertIsoDate(text);
  if (!text.endsWith('+00')) return hasNoIsoForm(text) ? text : shiftToUtc(text);
  const end = text.length - 3;
  return text.charCodeAt(10) === SPACE
    ? `${text.slice(0, 10)}T${text.slice(11, end)}Z`
    : `${text.slice(0, end).replace(' ', 'T')}Z`;
}

const text: PostgresType = { type: 'string', parse: asIs };

/** Types with a specific mapping, by object id. Source: PostgreSQL's `pg_type.dat`. */
const scalars: readonly (readonly [id: number, name: string, type: PostgresType])[] = [
  [16, 'bool', { type: 'boolean', parse: (value) => value === 't' }],
  [17, 'bytea', { type: 'bytes', parse: toBase64 }],
  [20, 'int8', { type: 'bigint', width: 64, parse: asIs }],
  [21, 'int2', { type: 'integer', width: 16, parse: toNumber }],
  [23, 'int4', { type: 'integer', width: 32, parse: toNumber }],
  [26, 'oid', { type: 'integer', width: 64, parse: toNumber }],
  [114, 'json', { type: 'json', parse: toJson }],
  [700, 'float4', { type: 'float', width: 32, parse: toFloat }],
  [701, 'float8', { type: 'float', width: 64, parse: toFloat }],
  [1082, 'date', { type: 'date', parse: toDate }],
  [1083, 'time', { type: 'time', parse: asIs }],
  [1114, 'timestamp', { type: 'datetime', parse: toLocalTimestamp }],
  [1184, 'timestamptz', { type: 'timestamp', parse: toInstant }],
  [1700, 'numeric', { type: 'decimal', parse: asIs }],
  [3802, 'jsonb', { type: 'json', parse: toJson }],
];

/** Types that map to text in PostgreSQL's own form, so that the system catalog need not be queried. */
const texts: readonly (readonly [id: number, name: string])[] = [
  [18, '"char"'],
  [19, 'name'],
  [25, 'text'],
  [142, 'xml'],
  [600, 'point'],
  [650, 'cidr'],
  [774, 'macaddr8'],
  [790, 'money'],
  [829, 'macaddr'],
  [869, 'inet'],
  [1042, 'char'],
  [1043, 'varchar'],
  [1186, 'interval'],
  [1266, 'timetz'],
  [1560, 'bit'],
  [1562, 'varbit'],
  [2278, 'void'],
  [2950, 'uuid'],
  [3614, 'tsvector'],
];

/** Object ids of array types and of their elements. */
const arrays = new Map<number, number>([
  [199, 114], // json[]
  [1000, 16], // bool[]
  [1001, 17], // bytea[]
  [1002, 18], // "char"[]
  [1003, 19], // name[]
  [1005, 21], // int2[]
  [1007, 23], // int4[]
  [1009, 25], // text[]
  [1014, 1042], // bpchar[]
  [1015, 1043], // varchar[]
  [1016, 20], // int8[]
  [1021, 700], // float4[]
  [1022, 701], // float8[]
  [1028, 26], // oid[]
  [1041, 869], // inet[]
  [1115, 1114], // timestamp[]
  [1182, 1082], // date[]
  [1183, 1083], // time[]
  [1185, 1184], // timestamptz[]
  [1187, 1186], // interval[]
  [1231, 1700], // numeric[]
  [2951, 2950], // uuid[]
  [3807, 3802], // jsonb[]
]);

function arrayOf(element: PostgresType, delimiter = ','): PostgresType {
  const form = { parse: element.parse, delimiter };
  return { type: 'json', element, parse: (source) => parseArray(source, form) };
}

/**
 * Layout of a `numeric` type modifier: precision in the upper bits, signed scale in the lower. Source: PostgreSQL's
 * `numeric.c`.
 */
const MODIFIER_OFFSET = 4;
const SCALE_BITS = 0x7ff;
const SCALE_SIGN = 0x400;

/** Precision and scale as other systems define them: a negative scale, or one beyond the precision, is expanded. */
function declaredDecimal(modifier: number): Pick<ValueShape, 'precision' | 'scale'> {
  if (modifier < MODIFIER_OFFSET) return {};
  const bits = modifier - MODIFIER_OFFSET;
  const precision = (bits >> 16) & 0xffff;
  const scale = ((bits & SCALE_BITS) ^ SCALE_SIGN) - SCALE_SIGN;
  return scale < 0
    ? { precision: precision - scale, scale: 0 }
    : { precision: Math.max(precision, scale), scale };
}

/** @param modifier type modifier of the column, which the elements of an array share; -1 for none */
export function shapeOf({ type, width, element }: PostgresType, modifier: number): ValueShape {
  return {
    type,
    ...(width === undefined ? {} : { width }),
    ...(type === 'decimal' ? declaredDecimal(modifier) : {}),
    ...(element ? { element: shapeOf(element, modifier) } : {}),
  };
}

const single = new Map<number, PostgresType>([
  ...scalars.map(([id, , type]) => [id, type] as const),
  ...texts.map(([id]) => [id, text] as const),
]);
const builtIn = new Map<number, PostgresType>([
  ...single,
  ...[...arrays].map(([id, element]) => [id, arrayOf(single.get(element) ?? text)] as const),
]);

/** For the page of values. */
export const nativeTypes: readonly NativeType[] = [
  ...scalars
    .filter(([, name]) => name !== 'numeric')
    .map(([, native, type]) => ({ native, shape: shapeOf(type, -1) })),
  { native: 'numeric(p, s)', shape: { type: 'decimal', precision: 10, scale: 2 } },
  { native: 'numeric', shape: { type: 'decimal' } },
  {
    native: `${texts.map(([, name]) => name).join(', ')}, enumerations, ranges, composites and the rest`,
    shape: { type: 'string' },
  },
  {
    native: 'arrays, of enumerations and domains too',
    shape: { type: 'json', element: { type: 'integer', width: 32 } },
  },
];

/**
 * Which types are arrays, and of what; a domain element counts as its base type. `int2vector` and `oidvector`, which
 * the system catalog also lists as arrays, are written without braces and are text.
 */
const ELEMENTS = `
  select t.oid::text as id, e.typdelim::text as delimiter,
    case when e.typtype = 'd' then e.typbasetype else e.oid end::text as element
  from pg_catalog.pg_type t join pg_catalog.pg_type e on e.oid = t.typelem
  where t.oid = any($1::pg_catalog.oid[]) and e.typarray = t.oid`;

interface ElementRow {
  id: string;
  delimiter: string;
  element: string;
}

/** PostgreSQL types: built-in types are known; for others, the system catalog says whether they are arrays. */
export const postgresTypes = (run: RunStatement): PostgresTypes => {
  const asked = new Map<number, PostgresType>();
  return {
    find: (objectId) => builtIn.get(objectId) ?? asked.get(objectId),
    async ask(objectIds) {
      const rows = await run<ElementRow>(ELEMENTS, [objectIds]);
      const elements = new Map(rows.map((row) => [Number(row.id), row]));
      for (const objectId of objectIds) {
        const row = elements.get(objectId);
        const type = row && arrayOf(builtIn.get(Number(row.element)) ?? text, row.delimiter);
        asked.set(objectId, type ?? text);
      }
    },
    shapeOf,
  };
};
