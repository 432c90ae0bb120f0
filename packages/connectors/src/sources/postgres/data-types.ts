import pg from 'pg';
import type { PostgresType } from '../../families/postgres/reads.js';
import type { JsonValue } from '../../spec/data-types.js';

const asIs = (text: string): JsonValue => text;
const toNumber = (text: string): JsonValue => +text;

/** NaN and the infinities have the same names in PostgreSQL and in the neutral form. */
function toFloat(text: string): JsonValue {
  const value = +text;
  return Number.isFinite(value) ? value : text;
}

function toBase64(text: string): JsonValue {
  return Buffer.from(text.slice(2), 'hex').toString('base64');
}

/** `infinity`, `-infinity` and years before Christ have no ISO form that all readers know: they stay text. */
function hasNoIsoForm(text: string): boolean {
  return text.endsWith('BC') || text.endsWith('infinity');
}

const SPACE = 32;

/** `2024-02-29 12:34:56.789` → `2024-02-29T12:34:56.789`. */
export function toLocalTimestamp(text: string): string {
  return hasNoIsoForm(text) ? text : text.replace(' ', 'T');
}

const zoned = /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

/** Shifts an instant with another offset than UTC, which a statement may set for itself. */
function shiftToUtc(text: string): string {
  const [, date, time, fraction = '', sign, hours, minutes = '0', seconds = '0'] = zoned.exec(text) ?? [];
  const local = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(local)) return text;
  const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  const utc = new Date(sign === '-' ? local + offset : local - offset);
  return utc.toISOString().replace('.000Z', `${fraction}Z`);
}

/** `2024-02-29 12:34:56.789+00` → `2024-02-29T12:34:56.789Z`. */
export function toInstant(text: string): string {
  if (!text.endsWith('+00')) return hasNoIsoForm(text) ? text : shiftToUtc(text);
  const end = text.length - 3;
  return text.charCodeAt(10) === SPACE
    ? `${text.slice(0, 10)}T${text.slice(11, end)}Z`
    : `${text.slice(0, end).replace(' ', 'T')}Z`;
}

const text: PostgresType = { type: 'string', parse: asIs };

/** By object id of the type; any other type arrives as its text. Source: PostgreSQL's `pg_type.dat`. */
const scalars = new Map<number, PostgresType>([
  [16, { type: 'boolean', parse: (value) => value === 't' }], // bool
  [17, { type: 'bytes', parse: toBase64 }], // bytea
  [20, { type: 'bigint', parse: asIs }], // int8
  [21, { type: 'integer', parse: toNumber }], // int2
  [23, { type: 'integer', parse: toNumber }], // int4
  [26, { type: 'integer', parse: toNumber }], // oid
  [114, { type: 'json', parse: JSON.parse }], // json
  [700, { type: 'float', parse: toFloat }], // float4
  [701, { type: 'float', parse: toFloat }], // float8
  [1082, { type: 'date', parse: asIs }], // date
  [1083, { type: 'time', parse: asIs }], // time
  [1114, { type: 'datetime', parse: toLocalTimestamp }], // timestamp
  [1184, { type: 'timestamp', parse: toInstant }], // timestamptz
  [1700, { type: 'decimal', parse: asIs }], // numeric
  [3802, { type: 'json', parse: JSON.parse }], // jsonb
]);

/** Object id of an array type and of its elements. */
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

/** The typings of `pg` describe another version of its parser of arrays. */
const arrayParser = pg.types.arrayParser as unknown as {
  create(source: string, transform: (element: string) => JsonValue): { parse(): JsonValue[] };
};

function arrayOf(element: PostgresType): PostgresType {
  return { type: 'json', parse: (source) => arrayParser.create(source, element.parse).parse() };
}

const types = new Map<number, PostgresType>([
  ...scalars,
  ...[...arrays].map(([id, element]) => [id, arrayOf(scalars.get(element) ?? text)] as const),
]);

/** @param objectId `dataTypeID` of a field of a result. */
export function postgresType(objectId: number): PostgresType {
  return types.get(objectId) ?? text;
}
