import type { Cell, Column, NeutralType, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { columnPositions, unknownColumn } from '../../kit/columns.js';
import { cellText, objectOf } from '../../kit/json/cells.js';
import { cellAs } from '../../kit/json/columns.js';
import { parseRecord } from '../../kit/json/exact.js';
import { type Place, quoted, recordFailure } from '../../kit/json/failures.js';
import { isObjectSpan, type JsonSpan } from '../../kit/json/spans.js';
import { lookup } from '../http/json-paths.js';

// Columns of resources whose API documents its fields.

/** A field of a resource. */
export interface Field {
  /** Of the column. */
  name: string;
  /** JSON pointer of the value in a row. */
  at: string;
  type: NeutralType;
  /** It identifies the row, so every row has it. */
  isKey?: true;
}

/** Types of fields whose short form has none, by how an API names them; the first match counts. */
export type TypesByName = readonly (readonly [name: RegExp, type: NeutralType])[];

const types = ['boolean', 'integer', 'bigint', 'decimal', 'float', 'string', 'date', 'timestamp', 'json'];

/**
 * Fields from their short form: words `name:type`. A path, `name.in.row:type`, has the name of its first member, unless it
 * is given: `other=name.in.row:type`. Without a type it is that of its name, or `string`.
 * @throws Error for a word that is neither, at the start of the program
 */
export function fieldsOf(text: string, byName: TypesByName = []): readonly Field[] {
  return text.split(/\s+/).flatMap((word) => {
    if (word === '') return [];
    const [, other, path, first, given] = /^(?:(\w+)=)?((\w+)(?:\.\w+)*)(?::(\w+))?$/.exec(word) ?? [];
    const name = other ?? first;
    const type = given ?? byName.find(([form]) => form.test(name ?? ''))?.[1] ?? 'string';
    if (name === undefined || path === undefined || !types.includes(type))
      throw new Error(`${word} is not a field`);
    return { name, at: `/${path.replaceAll('.', '/')}`, type: type as NeutralType };
  });
}

/** Services leave out what does not apply, so every column but the key may be null. */
export const columnsOf = (fields: readonly Field[]): Column[] =>
  fields.map(({ name, type, isKey }) => ({ name, type, nullable: isKey !== true }));

const instant = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)$/i;

/** Text of RFC 3339 as a `timestamp`. */
function timestampOf(text: string): string | undefined {
  const [, day, clock, fraction = '', zone = ''] = instant.exec(text) ?? [];
  const moment = new Date(`${day}T${clock}${zone.toUpperCase().replace(/^(...)(\d\d)$/, '$1:$2')}`);
  if (Number.isNaN(moment.getTime())) return undefined;
  const digits = fraction.replace(/0+$/, '');
  const shown = digits === '' ? '' : `.${digits.padEnd(digits.length > 6 ? 9 : 6, '0')}`;
  return `${moment.toISOString().slice(0, 19)}${shown}Z`;
}

const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));

function typedCell(cell: Cell, type: NeutralType): Cell | undefined {
  if (typeof cell !== 'string' || (type !== 'timestamp' && type !== 'date')) return cellAs(cell, { type });
  if (type === 'timestamp') return timestampOf(cell);
  return isDay(cell) ? cell : undefined;
}

function misfit({ name, type }: Field, { unit, number, of }: Place): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `${unit} ${number} of ${of} has a value in column ${quoted(name)} that is not a ${type}.`,
    { remedy: `Add "asText": [${quoted(name)}] to the request to read the column as text.` },
  );
}

const withoutKey = ({ name }: Field, { unit, number, of }: Place) =>
  new ConnectorError('protocol_error', `${unit} ${number} of ${of} has no ${quoted(name)}.`);

const notAnObject = ({ unit, number, of }: Place) =>
  new ConnectorError('protocol_error', `${unit} ${number} of ${of} is not an object.`);

function cellAt(row: JsonSpan, { at }: Field): Cell {
  const span = lookup(row, at);
  if (span === undefined) return null;
  const record = parseRecord(span);
  return 'value' in record ? record.value : objectOf(Object.entries(record.fields));
}

/** How rows of a resource become rows of a result. */
export interface FieldShape {
  columns: readonly Column[];
  /** @throws ConnectorError `protocol_error` for a value that is not of the declared type */
  toRow(row: JsonSpan, place: Place): Row;
}

/** @throws ConnectorError `invalid_query` for an unknown column */
export function shapeFields(
  fields: readonly Field[],
  { wanted, asText = [] }: { wanted?: readonly string[] | undefined; asText?: readonly string[] | undefined },
): FieldShape {
  const positions = columnPositions(
    fields.map(({ name }) => name),
    wanted,
  );
  const picked = positions.map((at) => fields[at] as Field);
  const texts = new Set(asText);
  for (const name of texts) if (!picked.some((field) => field.name === name)) throw unknownColumn(name);
  const columns = columnsOf(
    picked.map((field): Field => (texts.has(field.name) ? { ...field, type: 'string' } : field)),
  );
  const toRow = (row: JsonSpan, place: Place): Row => {
    if (!isObjectSpan(row)) throw notAnObject(place);
    try {
      return picked.map((field) => {
        const cell = cellAt(row, field);
        if (cell === null && field.isKey) throw withoutKey(field, place);
        const value = texts.has(field.name) ? cellText(cell) : typedCell(cell, field.type);
        if (value === undefined) throw misfit(field, place);
        return value;
      });
    } catch (error) {
      throw recordFailure(error, place);
    }
  };
  return { columns, toRow };
}
