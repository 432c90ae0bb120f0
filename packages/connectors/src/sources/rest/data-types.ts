import { assertColumns, columnsMax } from '../../kit/columns.js';
import {
  isArraySpan,
  isNullSpan,
  isObjectSpan,
  itemsOf,
  type JsonSpan,
  membersOf,
} from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type { Column, JsonValue, NeutralType, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';

const depthMax = 100;
/** How deep a list is looked for when the connection names no data path, and among how many members. */
const searchDepth = 3;
const searchedMax = 10_000;
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

function itemAt(list: JsonSpan, segment: string): JsonSpan | undefined {
  if (!/^\d{1,9}$/.test(segment)) return undefined;
  let left = Number(segment);
  for (const item of itemsOf(list)) {
    if (left === 0) return item;
    left -= 1;
  }
  return undefined;
}

/** Of a name that comes twice the last value counts, as with every other parser. */
function memberAt(object: JsonSpan, segment: string): JsonSpan | undefined {
  let found: JsonSpan | undefined;
  for (const [name, value] of membersOf(object)) if (name === segment) found = value;
  return found;
}

/**
 * The value at a JSON pointer (RFC 6901) or at names joined by dots; `$` is the document itself.
 * Undefined when there is none.
 */
export function lookup(document: JsonSpan | undefined, path: string): JsonSpan | undefined {
  let current = document;
  for (const segment of segmentsOf(path)) {
    if (current === undefined) return undefined;
    if (isArraySpan(current)) current = itemAt(current, segment);
    else current = isObjectSpan(current) ? memberAt(current, segment) : undefined;
  }
  return current;
}

/**
 * JSON pointer of the rows where the connection names none: the document when it is a list, else the first list
 * with objects, else the first list, else the document as the only row.
 * @throws ConnectorError `too_large` for an answer with more members than are looked at
 */
export function findRowsPath(document: JsonSpan | undefined): string {
  if (document === undefined || !isObjectSpan(document)) return wholeAnswer;
  let firstList: string | undefined;
  let searched = 0;
  let level: [string, JsonSpan][] = [['', document]];
  for (let depth = 0; depth < searchDepth; depth += 1) {
    const below: [string, JsonSpan][] = [];
    for (const [path, object] of level) {
      for (const [name, value] of membersOf(object)) {
        searched += 1;
        if (searched > searchedMax) throw notFound();
        const here = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        if (isArraySpan(value)) {
          const [first] = itemsOf(value);
          if (first && isObjectSpan(first)) return here;
          firstList ??= here;
        } else if (isObjectSpan(value)) below.push([here, value]);
      }
    }
    level = below;
  }
  return firstList ?? wholeAnswer;
}

function notFound(): ConnectorError {
  return new ConnectorError(
    'too_large',
    `No list stands among the first ${searchedMax} members of the answer.`,
    {
      remedy: 'Set dataPath to where the rows are.',
    },
  );
}

/** The rows at a path, one by one: a list's items, a single value as one row, none for null or nothing. */
export function rowsAt(document: JsonSpan | undefined, path: string): Iterable<JsonSpan> {
  const value = lookup(document, path);
  if (value === undefined || isNullSpan(value)) return [];
  return isArraySpan(value) ? { [Symbol.iterator]: () => itemsOf(value) } : [value];
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
 * @throws ConnectorError `too_large` for more columns, or longer names, than is read
 */
export async function inferColumns(
  rows: Iterable<JsonValue>,
  options: { morePages: boolean },
): Promise<Column[]> {
  const types = new Map<string, NeutralType | undefined>();
  const columns = () =>
    [...types].map(([name, found]): Column => {
      const type = found ?? 'json';
      return { name, type: options.morePages && type === 'integer' ? 'float' : type, nullable: true };
    });
  const turns = createTurns();
  for (const row of rows) {
    for (const [name, value] of isObject(row) ? Object.entries(row) : [['value', row] as const]) {
      types.set(name, widen(types.get(name), typeOf(value)));
    }
    if (types.size > columnsMax) assertColumns(columns());
    await turns();
  }
  assertColumns(columns());
  return columns();
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
