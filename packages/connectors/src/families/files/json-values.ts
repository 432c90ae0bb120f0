import { assertColumns, columnsMax } from '../../kit/columns.js';
import type { Column, JsonValue, NeutralType, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { depthMax } from './limits.js';
import type { Projection } from './projection.js';

/** A row of a JSON file. Keys such as `__proto__` are own properties here, never inherited ones. */
export type JsonRow = Readonly<Record<string, JsonValue>>;

/** Where a value stands, for messages. */
export interface Place {
  unit: 'Line' | 'Row';
  /** From 1. */
  number: number;
}

function broken({ unit, number }: Place, problem: string): ConnectorError {
  return new ConnectorError('protocol_error', `${unit} ${number} of the file ${problem}.`);
}

/**
 * Makes a row of a value that is parsed by `parse`.
 * @throws ConnectorError `protocol_error` naming the place, for broken JSON and for what is no JSON object.
 */
export function parseJsonRow(parse: () => JsonValue, place: Place): JsonRow {
  return asJsonRow(parsed(parse, place), place);
}

function parsed(parse: () => JsonValue, place: Place): JsonValue {
  try {
    return parse();
  } catch (error) {
    throw translateJsonError(error, place);
  }
}

/** The native message of a syntax error quotes the data, so it is not kept. */
export function translateJsonError(error: unknown, place: Place): unknown {
  return error instanceof SyntaxError ? broken(place, 'is not valid JSON') : error;
}

function tooDeep(): ConnectorError {
  return new ConnectorError('too_large', `A value of the file is nested deeper than ${depthMax} levels.`);
}

/**
 * @throws ConnectorError `too_large` when the value is nested deeper than {@link depthMax}, so that whoever
 * walks or serialises it later is safe from a stack overflow.
 */
export function assertDepth(value: JsonValue, depth = 1): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > depthMax) throw tooDeep();
  for (const item of Array.isArray(value) ? value : Object.values(value)) assertDepth(item, depth + 1);
}

function asJsonRow(value: JsonValue, place: Place): JsonRow {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw broken(place, 'is not a JSON object');
}

function typeOf(value: JsonValue): NeutralType | undefined {
  if (value === null) return undefined;
  if (typeof value === 'number') return 'float';
  if (typeof value === 'string') return 'string';
  return typeof value === 'boolean' ? 'boolean' : 'json';
}

/** Finds columns in order of first appearance. */
export interface ColumnFinder {
  /** @throws ConnectorError `too_large` for more columns than is read. */
  add(row: JsonRow): void;
  columns(): Column[];
}

/**
 * A column whose values are all numbers is `float` (JSON knows no other number), all texts `string`, all booleans
 * `boolean`; everything else (nested, mixed, only null) is `json`, which any value fits.
 */
export function createColumnFinder(): ColumnFinder {
  const types = new Map<string, NeutralType | undefined>();
  const columns = () =>
    [...types].map(([name, type]): Column => ({ name, type: type ?? 'json', nullable: true }));
  const add = (row: JsonRow) => {
    for (const name of Object.keys(row)) {
      const type = typeOf(row[name] ?? null);
      const known = types.get(name);
      types.set(name, known === undefined || type === undefined || known === type ? (known ?? type) : 'json');
    }
    if (types.size > columnsMax) assertColumns(columns());
  };
  return { add, columns };
}

function toCell(value: JsonValue, type: NeutralType, place: Place): JsonValue {
  if (value === null) return null;
  if (typeof value === 'object') assertDepth(value);
  if (type === 'json') return value;
  if (type === 'string') {
    if (typeof value === 'string') return value;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
  if (type === 'float' && typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (type === 'boolean' && typeof value === 'boolean') return value;
  throw broken(place, `has a value that is not ${type}, as all values of its column before were`);
}

/**
 * Values in the order of the columns; a missing key is null, a key without a column is left out.
 * @throws ConnectorError `protocol_error` when a value does not fit its column's type.
 */
export function toRow(row: JsonRow, columns: Projection['columns'], place: Place): Row {
  return columns.map(({ name, type }) =>
    Object.hasOwn(row, name) ? toCell(row[name] ?? null, type, place) : null,
  );
}
