import {
  type Cell,
  type Column,
  JsonText,
  jsonTextOf,
  type NeutralType,
  type Row,
} from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { assertColumns, columnsMax, unknownColumn } from '../columns.js';
import { cellText, objectOf } from './cells.js';
import type { JsonFields, JsonRecord } from './exact.js';
import { type Place, quoted } from './failures.js';
import { isInt64 } from './numbers.js';

// Columns of sources that do not declare any: found in the records, all of them or a sample.

/** Result of the column search. */
export interface FoundColumns {
  columns: readonly Column[];
  /** Column for records that are not objects, if there are any. */
  bare: string | undefined;
}

/** Finds columns in order of first appearance. */
export interface ColumnFinder {
  /** @throws ConnectorError `too_large` for more columns, or longer names, than are supported */
  add(record: JsonRecord): void;
  /** @param isSampled more records follow, so a number without a fraction is a `float`, as later ones may be */
  found(isSampled: boolean): FoundColumns;
}

/** Integers have no minus zero. */
const isInteger = (cell: number): boolean => Number.isSafeInteger(cell) && !Object.is(cell, -0);

function typeOf(cell: Cell): NeutralType | undefined {
  if (cell === null) return undefined;
  if (cell instanceof JsonText) return typeOfText(cell.text);
  if (typeof cell === 'boolean') return 'boolean';
  if (typeof cell === 'string') return 'string';
  if (typeof cell === 'number') return isInteger(cell) ? 'integer' : 'float';
  return 'json';
}

function typeOfText(text: string): NeutralType {
  if (text.startsWith('{') || text.startsWith('[')) return 'json';
  return isInt64(text) ? 'bigint' : 'decimal';
}

/** Number types by range; a float and a 64-bit integer combine to a decimal. */
const numbers: readonly NeutralType[] = ['integer', 'bigint', 'float', 'decimal'];

function widen(known: NeutralType | undefined, seen: NeutralType | undefined): NeutralType | undefined {
  if (known === undefined || known === seen) return seen;
  if (seen === undefined) return known;
  if (!numbers.includes(known) || !numbers.includes(seen)) return 'json';
  const pair = new Set([known, seen]);
  if (pair.has('decimal') || (pair.has('bigint') && pair.has('float'))) return 'decimal';
  return pair.has('bigint') ? 'bigint' : 'float';
}

/** The first free name of `name`, `name_2`, …. */
function freeName(name: string, isTaken: (name: string) => boolean): string {
  let free = name;
  for (let number = 2; isTaken(free); number += 1) free = `${name}_${number}`;
  return free;
}

/**
 * A column whose values are all text is `string`, all booleans `boolean`. Numbers are `integer` or `float` if doubles
 * can hold them all, else `bigint` or `decimal`. Everything else (nested, mixed, only null) is `json`, which fits any
 * value.
 */
export function createColumnFinder(): ColumnFinder {
  const types = new Map<string, NeutralType | undefined>();
  let bareType: NeutralType | undefined;
  let isBare = false;
  let isEmpty = true;
  const found = (isSampled: boolean): FoundColumns => {
    const columnOf = (name: string, found: NeutralType | undefined): Column => {
      const type = found ?? 'json';
      return { name, type: isSampled && type === 'integer' ? 'float' : type, nullable: true };
    };
    const columns = [...types].map(([name, type]) => columnOf(name, type));
    if (!isBare && (isEmpty || types.size > 0)) return { columns, bare: undefined };
    const bare = freeName('value', (name) => types.has(name));
    return { columns: [...columns, columnOf(bare, bareType)], bare };
  };
  const add = (record: JsonRecord) => {
    isEmpty = false;
    if ('value' in record) {
      isBare ||= record.value !== null;
      bareType = widen(bareType, typeOf(record.value));
      return;
    }
    const { fields } = record;
    for (const name of Object.keys(fields))
      types.set(name, widen(types.get(name), typeOf(fields[name] ?? null)));
    if (types.size > columnsMax) assertColumns([...types].map(([name]) => ({ name })));
  };
  return { add, found };
}

/** Which of the found columns a result has. */
export interface ColumnChoice {
  /** Requested columns; undefined for all. */
  wanted: readonly string[] | undefined;
  /** There are more records than those in which the columns were found; they may have other columns and types. */
  isSampled: boolean;
  /** Columns to return as text. */
  asText: readonly string[] | undefined;
}

/** How records become rows. */
export interface RowShape {
  columns: readonly Column[];
  /** @throws ConnectorError `protocol_error` for a value that its column's type cannot represent exactly */
  toRow(record: JsonRecord, place: Place): Row;
}

const lateName = '_more';

/** The members of a record beyond the known names, exact; null if there are none. */
function lateCell(fields: JsonFields, known: ReadonlySet<string>): Cell {
  const late = Object.keys(fields).filter((name) => !known.has(name));
  if (late.length === 0) return null;
  return objectOf(late.map((name) => [name, fields[name] ?? null]));
}

function misfit(cell: Cell, { name, type }: Column, { unit, number, of }: Place): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `${unit} ${number} of ${of} has a value of type ${typeOf(cell)} in column ${quoted(name)}, whose earlier values are of type ${type}.`,
    { remedy: `Add "asText": [${quoted(name)}] to the request to read the column as text.` },
  );
}

/** A cell as a value of its column's type; undefined if the type cannot represent it exactly. */
export function cellAs(cell: Cell, column: Pick<Column, 'type'>): Cell | undefined {
  if (cell === null || column.type === 'json') return cell;
  if (cell instanceof JsonText) {
    const type = typeOfText(cell.text);
    if (type === column.type || (type === 'bigint' && column.type === 'decimal')) return cell.text;
  } else if (typeof cell === 'number') {
    if (column.type === 'float') return cell;
    if (column.type === 'decimal') return jsonTextOf(cell);
    if (isInteger(cell)) {
      if (column.type === 'integer') return cell;
      if (column.type === 'bigint') return String(cell);
    }
  } else if (typeof cell === column.type) return cell;
  return undefined;
}

function toCell(cell: Cell, column: Column, place: Place): Cell {
  const value = cellAs(cell, column);
  if (value === undefined) throw misfit(cell, column, place);
  return value;
}

/**
 * Selects the requested columns and defines how records become rows. With sampled columns, a last column `_more` holds
 * additional fields of later records, and `wanted` may name such fields: they become `json` columns.
 * @throws ConnectorError `invalid_query` for an unknown name or one that is given twice, `too_large` for too many
 * columns
 */
export function shapeRows(found: FoundColumns, { wanted, isSampled, asText }: ColumnChoice): RowShape {
  assertColumns(found.columns);
  const byName = new Map(found.columns.map((column) => [column.name, column]));
  const late = isSampled ? freeName(lateName, (name) => byName.has(name)) : undefined;
  const lateColumn = (name: string): Column => ({ name, type: 'json', nullable: true });
  // An empty source has unknown columns, so any requested name is accepted.
  const takesAnyName = isSampled || found.columns.length === 0;
  const all = late === undefined ? found.columns : [...found.columns, lateColumn(late)];
  const picked = wanted
    ? wanted.map((name) => {
        const column = byName.get(name) ?? (takesAnyName ? lateColumn(name) : undefined);
        if (!column) throw unknownColumn(name);
        return column;
      })
    : all;
  if (new Set(wanted).size !== (wanted ?? []).length)
    throw new ConnectorError('invalid_query', 'A column is requested twice.');
  const texts = new Set(asText);
  for (const name of texts) if (!picked.some((column) => column.name === name)) throw unknownColumn(name);
  const columns = picked.map(
    (column): Column => (texts.has(column.name) ? { ...column, type: 'string' } : column),
  );
  const known = new Set([...byName.keys(), ...columns.map(({ name }) => name)]);
  if (late !== undefined && !byName.has(late)) known.delete(late);

  const cellFor = (column: Column, record: JsonRecord): Cell => {
    if ('value' in record) {
      const isPlace = found.bare === undefined ? column.name === late : column.name === found.bare;
      return isPlace ? record.value : null;
    }
    if (column.name === late) return lateCell(record.fields, known);
    if (column.name === found.bare) return null;
    return Object.hasOwn(record.fields, column.name) ? (record.fields[column.name] ?? null) : null;
  };
  const cells = columns.map((column) =>
    texts.has(column.name)
      ? (record: JsonRecord) => cellText(cellFor(column, record))
      : (record: JsonRecord, place: Place) => toCell(cellFor(column, record), column, place),
  );
  return { columns, toRow: (record, place) => cells.map((cell) => cell(record, place)) };
}
