import type { Column, JsonValue, NeutralType, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';

const columnsMax = 10_000;
const depthMax = 100;
/** How deep a list is looked for when the connection names no data path. */
const searchDepth = 3;
const wholeAnswer = '$';

type JsonObject = { [key: string]: JsonValue };

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function segmentsOf(path: string): string[] {
  if (path === '' || path === wholeAnswer) return [];
  if (!path.startsWith('/')) return path.split('.');
  return path
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * The value at a JSON pointer (RFC 6901) or at names joined by dots; `$` is the document itself.
 * Undefined when there is none. Inherited names such as `constructor` are never found.
 */
export function lookup(document: JsonValue, path: string): JsonValue | undefined {
  let current: JsonValue | undefined = document;
  for (const segment of segmentsOf(path)) {
    if (Array.isArray(current)) current = /^\d{1,9}$/.test(segment) ? current[Number(segment)] : undefined;
    else if (isObject(current)) current = Object.hasOwn(current, segment) ? current[segment] : undefined;
    else return undefined;
  }
  return current;
}

/**
 * JSON pointer of the rows where the connection names none: the document when it is a list, else the first list
 * with objects, else the first list, else the document as the only row.
 */
export function findRowsPath(document: JsonValue): string {
  if (!isObject(document)) return wholeAnswer;
  let firstList: string | undefined;
  let level: [string, JsonObject][] = [['', document]];
  for (let depth = 0; depth < searchDepth; depth += 1) {
    const below: [string, JsonObject][] = [];
    for (const [path, object] of level) {
      for (const [name, value] of Object.entries(object)) {
        const here = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        if (Array.isArray(value)) {
          if (isObject(value[0])) return here;
          firstList ??= here;
        } else if (isObject(value)) below.push([here, value]);
      }
    }
    level = below;
  }
  return firstList ?? wholeAnswer;
}

/** The rows at a path: a list's items, a single value as one row, none for null or nothing. */
export function rowsAt(document: JsonValue, path: string): readonly JsonValue[] {
  const value = lookup(document, path);
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function typeOf(value: JsonValue): NeutralType | undefined {
  if (value === null) return undefined;
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'float';
  return 'json';
}

function widen(known: NeutralType | undefined, seen: NeutralType | undefined): NeutralType | undefined {
  if (known === undefined || known === seen) return seen;
  if (seen === undefined) return known;
  const numbers = (type: NeutralType) => type === 'integer' || type === 'float';
  return numbers(known) && numbers(seen) ? 'float' : 'json';
}

/**
 * Columns of the first page, in the order in which its rows name them. Rows that are no objects have the one
 * column `value`. With more pages to come numbers are `float`, since a later page may bring a fraction.
 * @throws ConnectorError `too_large` beyond 10,000 columns.
 */
export function inferColumns(rows: readonly JsonValue[], options: { morePages: boolean }): Column[] {
  const types = new Map<string, NeutralType | undefined>();
  for (const row of rows) {
    for (const [name, value] of isObject(row) ? Object.entries(row) : [['value', row] as const]) {
      types.set(name, widen(types.get(name), typeOf(value)));
    }
    if (types.size > columnsMax) {
      throw new ConnectorError('too_large', `The answer has more than ${columnsMax} columns.`);
    }
  }
  return [...types].map(([name, found]) => {
    const type = found ?? 'json';
    return { name, type: options.morePages && type === 'integer' ? 'float' : type, nullable: true };
  });
}

/** Iterative, since the values that it guards against would overflow a recursive walk. */
function assertDepth(value: JsonValue): void {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax)
      throw new ConnectorError('too_large', `A value is nested deeper than ${depthMax} levels.`);
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
}

function cell(value: JsonValue | undefined, column: Column, position: number): JsonValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'object') assertDepth(value);
  if (column.type === 'json') return value;
  const type = typeOf(value);
  if (type !== column.type && !(type === 'integer' && column.type === 'float')) {
    throw new ConnectorError(
      'protocol_error',
      `Column ${position + 1} holds another type on a later page than on the first one.`,
    );
  }
  // JSON text such as 1e999 becomes an infinity.
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/**
 * A row's values by position.
 * @throws ConnectorError `protocol_error` when a value does not fit its column, `too_large` when it is too deep.
 */
export function toRow(row: JsonValue, columns: readonly Column[]): Row {
  return columns.map((column, position) => {
    if (isObject(row)) {
      return cell(Object.hasOwn(row, column.name) ? row[column.name] : undefined, column, position);
    }
    return cell(column.name === 'value' ? row : undefined, column, position);
  });
}
