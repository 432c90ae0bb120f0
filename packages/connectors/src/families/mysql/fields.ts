// How the fields of a result become columns and cells.
import mysql, { type FieldPacket } from 'mysql2';
import type { Cell, Column, Row, ValueShape } from '../../interface/data-types.js';
import { columnPositions } from '../../kit/columns.js';
import { cellText } from '../../kit/json/cells.js';
import { Misfit, misfitAt } from '../../kit/misfit.js';
import type { FieldChoice } from '../sql/connection.js';

// The driver is CommonJS, and Node exposes this name only on its default export.
const { Types } = mysql;

/** How values of one column become neutral values. */
export interface MySqlType extends ValueShape {
  /** Absent: the driver's value is already neutral. Never called with null. @throws Misfit */
  convert?: (value: unknown) => Cell;
  /** How `asText` renders the driver's value; absent: the text of the neutral value. */
  toText?: (value: unknown) => string;
}

export type MySqlTypes = (field: FieldPacket) => MySqlType;

/** Bit in a column's flags. Source: MySQL manual, "Column Definition Flags". */
const NOT_NULL_FLAG = 1;

export interface RowShape {
  columns: Column[];
  /** @param row row number, from 1. @throws ConnectorError for a value that its column cannot represent */
  toRow: (values: unknown[], row: number) => Row;
}

function asText({ convert, toText }: MySqlType): MySqlType {
  return {
    type: 'string',
    convert: toText ?? ((value) => cellText(convert ? convert(value) : (value as Cell))),
  };
}

/** Tells the driver to treat a geometry as bytes; it would drop the SRID and the subtype. */
function keepGeometries(fields: readonly FieldPacket[]): void {
  for (const field of fields) if (field.columnType === Types.GEOMETRY) field.columnType = Types.BLOB;
}

export function shapeOf(fields: readonly FieldPacket[], types: MySqlTypes, choice: FieldChoice): RowShape {
  const names = fields.map(({ name }) => name);
  const texts = new Set(columnPositions(names, choice.asText));
  const kinds = fields.map((field, position) => (texts.has(position) ? asText(types(field)) : types(field)));
  keepGeometries(fields);
  const all = fields.map(({ name, flags }, index): Column => {
    const { convert: _convert, toText: _toText, ...shape } = kinds[index] ?? { type: 'string' };
    return { name, nullable: (Number(flags) & NOT_NULL_FLAG) === 0, ...shape };
  });
  const converts = kinds.flatMap(({ convert }, index) => (convert ? [{ index, convert }] : []));
  const convertInPlace = (values: unknown[], row: number) => {
    for (const { index, convert } of converts) {
      if (values[index] === null) continue;
      try {
        values[index] = convert(values[index]);
      } catch (error) {
        throw error instanceof Misfit ? misfitAt(error.message, { column: names[index] ?? '', row }) : error;
      }
    }
    return values as Cell[];
  };
  if (!choice.pick) return { columns: all, toRow: convertInPlace };
  const positions = columnPositions(names, choice.pick);
  return {
    columns: positions.flatMap((position) => all[position] ?? []),
    toRow: (values, row) => {
      const converted = convertInPlace(values, row);
      return positions.map((position) => converted[position] ?? null);
    },
  };
}
