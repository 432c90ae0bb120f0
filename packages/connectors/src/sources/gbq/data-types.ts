import { parsingCaps } from '../../kit/json/caps.js';
import { assertRecordText } from '../../kit/json/document.js';
import type { Column, JsonValue, NeutralType, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';

/** A field of a table schema as the REST API has it (TableFieldSchema). */
export interface Field {
  name: string;
  type: string;
  mode?: string;
  fields?: readonly Field[];
}

/** Deepest nesting of a schema and of a JSON value; BigQuery itself nests records 15 levels deep. */
const depthMax = 64;

/**
 * A field out of a schema.
 * @throws ConnectorError `protocol_error` when it is none, `too_large` when its records are nested without end.
 */
export function fieldOf(field: Readonly<Record<string, unknown>>, depth = 1): Field {
  const { name, type, mode, fields } = field;
  if (depth > depthMax) throw tooDeep();
  if (typeof name !== 'string' || name === '' || typeof type !== 'string') {
    throw new ConnectorError('protocol_error', 'BigQuery sent a column without a name or a type.');
  }
  const inner = Array.isArray(fields) ? fields.filter(isRecord).map((each) => fieldOf(each, depth + 1)) : [];
  return { name, type, ...(typeof mode === 'string' ? { mode } : {}), fields: inner };
}

function tooDeep(): ConnectorError {
  return new ConnectorError('too_large', `BigQuery sent a value nested deeper than ${depthMax} levels.`);
}

function assertDepth(value: JsonValue, depth = 1): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > depthMax) throw tooDeep();
  for (const item of Array.isArray(value) ? value : Object.values(value)) assertDepth(item, depth + 1);
}

/** Type names of TableFieldSchema, the legacy ones and their standard SQL aliases. */
const neutralTypes: Readonly<Record<string, NeutralType>> = {
  STRING: 'string',
  BYTES: 'bytes',
  INTEGER: 'bigint',
  INT64: 'bigint',
  FLOAT: 'float',
  FLOAT64: 'float',
  NUMERIC: 'decimal',
  BIGNUMERIC: 'decimal',
  BOOLEAN: 'boolean',
  BOOL: 'boolean',
  TIMESTAMP: 'timestamp',
  DATETIME: 'datetime',
  DATE: 'date',
  TIME: 'time',
  JSON: 'json',
  RECORD: 'json',
  STRUCT: 'json',
  GEOGRAPHY: 'string',
  INTERVAL: 'string',
  RANGE: 'string',
};

/** The neutral column of a schema field; a repeated field is `json`, a type we do not know is `string`. */
export function toColumn(field: Field): Column {
  const isRepeated = field.mode === 'REPEATED';
  return {
    name: field.name,
    type: isRepeated ? 'json' : (neutralTypes[field.type] ?? 'string'),
    nullable: field.mode !== 'REQUIRED' && !isRepeated,
  };
}

function broken(): never {
  throw new ConnectorError('protocol_error', 'BigQuery sent a row that does not fit its schema.');
}

/** Microseconds since 1970 as ISO text; the fraction is left out when it is zero. */
export function timestampOf(microseconds: string): string {
  if (!/^-?\d{1,18}$/.test(microseconds)) return broken();
  const total = BigInt(microseconds);
  const fraction = ((total % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((total - fraction) / 1_000_000n);
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return broken();
  const tail = fraction === 0n ? '' : `.${fraction.toString().padStart(6, '0')}`;
  return `${date.toISOString().slice(0, -5)}${tail}Z`;
}

function floatOf(text: string): JsonValue {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  if (text === 'Infinity' || text === '+Infinity') return 'Infinity';
  return text === '-Infinity' || text === 'NaN' ? text : broken();
}

/** To what measured the page, a JSON document in it is one string. */
const { record: documentCaps } = parsingCaps({});

function jsonOf(text: string): JsonValue {
  let value: JsonValue;
  try {
    assertRecordText(text, documentCaps);
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    return broken();
  }
  assertDepth(value);
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function recordOf(value: unknown, fields: readonly Field[]): JsonValue {
  const cells = isRecord(value) && Array.isArray(value['f']) ? value['f'] : broken();
  // fromEntries defines the names, so a field called __proto__ stays a field.
  return Object.fromEntries(fields.map((field, index) => [field.name, cellOf(field, cells[index])]));
}

function scalarOf(field: Field, value: unknown): JsonValue {
  if (value === null || value === undefined) return null;
  if (field.type === 'RECORD' || field.type === 'STRUCT') return recordOf(value, field.fields ?? []);
  if (typeof value !== 'string') return broken();
  switch (neutralTypes[field.type]) {
    case 'boolean':
      return value === 'true' || (value === 'false' ? false : broken());
    case 'float':
      return floatOf(value);
    case 'timestamp':
      return timestampOf(value);
    case 'json':
      return jsonOf(value);
    default:
      return value;
  }
}

function cellOf(field: Field, cell: unknown): JsonValue {
  const value = isRecord(cell) ? cell['v'] : broken();
  if (field.mode !== 'REPEATED') return scalarOf(field, value);
  const items = Array.isArray(value) ? value : [];
  return items.map((item) => scalarOf(field, isRecord(item) ? item['v'] : broken()));
}

/**
 * A row of tabledata.list or getQueryResults, `{f: [{v}, …]}`, asked for with `formatOptions.useInt64Timestamp`.
 * INT64 and decimals stay text, so nothing is rounded; records become objects, repeated fields lists.
 * @throws ConnectorError `protocol_error` when it does not fit the schema.
 */
export function toRow(fields: readonly Field[], row: unknown): Row {
  const cells = isRecord(row) && Array.isArray(row['f']) ? row['f'] : broken();
  return fields.map((field, index) => cellOf(field, cells[index]));
}
