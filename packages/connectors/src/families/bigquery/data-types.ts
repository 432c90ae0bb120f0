import type {
  Cell,
  Column,
  JsonValue,
  NativeType,
  NeutralType,
  Row,
  ValueShape,
} from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { cellText, jsonCell, listOf, objectOf } from '../../kit/json/cells.js';
import { assertRecordText } from '../../kit/json/document.js';
import { quoted } from '../../kit/json/failures.js';
import { Misfit, misfitAt } from '../../kit/misfit.js';

/** A field of a table schema in the REST API (TableFieldSchema). */
export interface Field {
  name: string;
  type: string;
  mode?: string;
  /** For a parametrised NUMERIC or BIGNUMERIC: total digits, and fractional digits. */
  precision?: number;
  scale?: number;
  /** For a RANGE: the type of its bounds. */
  rangeElementType?: string;
  /** For a TIMESTAMP: fractional digits, if not six. */
  timestampPrecision?: number;
  description?: string;
  fields?: readonly Field[];
}

/** Maximum nesting of a schema and of a JSON value; BigQuery itself nests records 15 levels deep. */
const depthMax = 64;

/**
 * A field of a schema.
 * @throws ConnectorError `protocol_error` when it is malformed, `too_large` when its records are nested without end
 */
export function fieldOf(field: Readonly<Record<string, unknown>>, depth = 1): Field {
  const { name, type, mode, description, fields } = field;
  if (depth > depthMax) throw tooDeep();
  if (typeof name !== 'string' || name === '' || typeof type !== 'string') {
    throw new ConnectorError('protocol_error', 'BigQuery sent a column without a name or a type.');
  }
  const inner = Array.isArray(fields) ? fields.filter(isRecord).map((each) => fieldOf(each, depth + 1)) : [];
  const { precision, scale = '0', rangeElementType: range, timestampPrecision: digits } = field;
  const declared = isDigits(precision) && isDigits(scale);
  return {
    ...{ name, type, fields: inner },
    ...(typeof mode === 'string' ? { mode } : {}),
    ...(typeof description === 'string' && description !== '' ? { description } : {}),
    ...(declared ? { precision: Number(precision), scale: Number(scale) } : {}),
    ...(isRecord(range) && typeof range['type'] === 'string' ? { rangeElementType: range['type'] } : {}),
    ...(isDigits(digits) ? { timestampPrecision: Number(digits) } : {}),
  };
}

/** Numbers in the schema arrive as text. */
const isDigits = (value: unknown): value is string => typeof value === 'string' && /^\d{1,2}$/.test(value);

function tooDeep(): ConnectorError {
  return new ConnectorError('too_large', `BigQuery sent a value nested deeper than ${depthMax} levels.`);
}

/** Type names of TableFieldSchema: the legacy names and their standard SQL aliases. */
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

/** Digits of decimals without parameters. A BIGNUMERIC has a 77th digit, which can hold only some values. */
const decimals: Readonly<Record<string, Pick<ValueShape, 'precision' | 'scale'>>> = {
  NUMERIC: { precision: 38, scale: 9 },
  BIGNUMERIC: { precision: 76, scale: 38 },
};

function shapeOf({ type: native, precision, scale }: Field): ValueShape {
  const type = neutralTypes[native] ?? 'string';
  if (type === 'bigint' || type === 'float') return { type, width: 64 };
  if (type !== 'decimal') return { type };
  return { type, ...(precision === undefined ? decimals[native] : { precision, scale: scale ?? 0 }) };
}

/** For the page of values. */
export const nativeTypes: readonly NativeType[] = [
  ...Object.keys(neutralTypes).map((type) => ({ native: type, shape: shapeOf({ name: '', type }) })),
  { native: 'NUMERIC(p, s), BIGNUMERIC(p, s)', shape: { type: 'decimal', precision: 10, scale: 2 } },
  { native: 'REPEATED', shape: { type: 'json', element: { type: 'bigint', width: 64 } } },
];

/** The neutral column of a schema field. A repeated field is `json`, an unknown type is `string`. */
export function toColumn(field: Field): Column {
  const { name, mode } = field;
  if (mode === 'REPEATED') return { name, nullable: false, type: 'json', element: shapeOf(field) };
  return { name, nullable: mode !== 'REQUIRED', ...shapeOf(field) };
}

/** A field's type as standard SQL writes it, of records only their kind. */
export function nativeName({ type, mode, precision, scale = 0, rangeElementType }: Field): string {
  const own =
    rangeElementType === undefined
      ? type + (precision === undefined ? '' : `(${precision}, ${scale})`)
      : `${type}<${rangeElementType}>`;
  return mode === 'REPEATED' ? `ARRAY<${own}>` : own;
}

function broken(): never {
  throw new ConnectorError('protocol_error', 'BigQuery sent a row that does not fit its schema.');
}

/** Microseconds since 1970 as ISO text; a zero fraction is omitted. */
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

/** The bounds of a range of instants, which travel as timestamps do; a missing bound is UNBOUNDED. */
function timestampRangeOf(text: string): string {
  const [, start = '', end = ''] = /^\[(-?\d+|[A-Z]+), ?(-?\d+|[A-Z]+)\)$/.exec(text) ?? broken();
  const bound = (value: string) => (/[A-Z]/.test(value) ? value : timestampOf(value));
  return `[${bound(start)}, ${bound(end)})`;
}

function floatOf(text: string): JsonValue {
  const value = Number(text);
  if (Number.isFinite(value) && text.trim() !== '') return value;
  if (text === 'Infinity' || text === '+Infinity') return 'Infinity';
  return text === '-Infinity' || text === 'NaN' ? text : broken();
}

/** The gauge of the page saw a JSON document in it as one string. */
const { record: documentCaps } = parsingCaps({});

function jsonOf(text: string): Cell {
  try {
    assertRecordText(text, documentCaps);
    return jsonCell(text);
  } catch (error) {
    return error instanceof SyntaxError ? broken() : rethrown(error);
  }
}

function rethrown(error: unknown): never {
  throw error;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function recordOf(value: unknown, fields: readonly Field[]): Cell {
  const cells = isRecord(value) && Array.isArray(value['f']) ? value['f'] : broken();
  return objectOf(fields.map((field, index) => [field.name, cellOf(field, cells[index])]));
}

function scalarOf(field: Field, value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (field.type === 'RECORD' || field.type === 'STRUCT') return recordOf(value, field.fields ?? []);
  if (typeof value !== 'string') return broken();
  if (field.rangeElementType === 'TIMESTAMP') return timestampRangeOf(value);
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

function cellOf(field: Field, cell: unknown): Cell {
  const value = isRecord(cell) ? cell['v'] : broken();
  if (field.mode !== 'REPEATED') return scalarOf(field, value);
  const items = Array.isArray(value) ? value : [];
  return listOf(items.map((item) => scalarOf(field, isRecord(item) ? item['v'] : broken())));
}

/** Whether the text on the wire is a number of microseconds, which users would not recognize. */
const isInstants = ({ type, rangeElementType }: Field): boolean =>
  type === 'TIMESTAMP' || rangeElementType === 'TIMESTAMP';

function textCellOf(field: Field, cell: unknown): Cell {
  const value = isRecord(cell) ? cell['v'] : broken();
  return typeof value === 'string' && !isInstants(field) ? value : cellText(cellOf(field, cell));
}

/** Fractional digits of timestamps in the API. */
const timestampDigits = 6;

/** @throws ConnectorError `unsupported` for a field whose values would not arrive complete */
function assertReadable({ timestampPrecision = timestampDigits, fields = [] }: Field, column: string): void {
  const refused = (problem: string, remedy: string) =>
    new ConnectorError('unsupported', `Column ${quoted(column)} ${problem}.`, {
      remedy: `Leave it out with "columns", or ${remedy} in a query.`,
    });
  if (timestampPrecision > timestampDigits)
    throw refused(
      `holds timestamps with ${timestampPrecision} fractional digits, of which only ${timestampDigits} would be returned`,
      'cast it to STRING',
    );
  const names = fields.map(({ name }) => name);
  const doubled = names.find((name, at) => names.indexOf(name) !== at);
  if (doubled !== undefined) throw refused(`has two fields named ${quoted(doubled)}`, 'rename one of them');
  for (const field of fields) assertReadable(field, column);
}

/** Creates rows and counts them. */
export interface RowMaker {
  columns: readonly Column[];
  /**
   * Converts a row of tabledata.list or getQueryResults, `{f: [{v}, …]}`, requested with
   * `formatOptions.useInt64Timestamp`. INT64 and decimals stay text, so nothing is rounded; records become objects,
   * repeated fields lists.
   * @throws ConnectorError `protocol_error` when it does not fit the schema, `unsupported` for a value that cannot be
   * returned exactly
   */
  toRow(row: unknown): Row;
}

/** @param positions fields of the result, in its order @param asText names of fields to return as text */
export function createRowMaker(
  fields: readonly Field[],
  positions: readonly number[],
  asText: readonly string[] = [],
): RowMaker {
  let rows = 0;
  const texts = new Set(asText);
  const columns = positions.map((position): Column => {
    const field = fields[position] as Field;
    assertReadable(field, field.name);
    const column = toColumn(field);
    return texts.has(column.name) ? { name: column.name, type: 'string', nullable: column.nullable } : column;
  });
  const toRow = (row: unknown): Row => {
    rows += 1;
    const cells = isRecord(row) && Array.isArray(row['f']) ? row['f'] : broken();
    return positions.map((position) => {
      const field = fields[position] as Field;
      try {
        return texts.has(field.name) ? textCellOf(field, cells[position]) : cellOf(field, cells[position]);
      } catch (error) {
        throw error instanceof Misfit ? misfitAt(error.message, { column: field.name, row: rows }) : error;
      }
    });
  };
  return { columns, toRow };
}
