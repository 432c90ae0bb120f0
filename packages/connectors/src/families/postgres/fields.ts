// How the fields of a result become columns and cells.
import type { FieldDef } from 'pg';
import type { Cell, Column, Row, ValueShape } from '../../interface/data-types.js';
import { columnPositions } from '../../kit/columns.js';
import { Misfit, misfitAt } from '../../kit/misfit.js';
import type { FieldChoice } from '../sql/connection.js';

/** How values of one type become neutral values; the driver passes their text form. */
export interface PostgresType extends Pick<ValueShape, 'type' | 'width'> {
  /** @throws Misfit */
  parse: (text: string) => Cell;
  /** Element type of an array. */
  element?: PostgresType;
}

/** Types by the object id that a result field has as `dataTypeID`. */
export interface PostgresTypes {
  /** Undefined for an id for which {@link ask} must be called. */
  find(objectId: number): PostgresType | undefined;
  ask(objectIds: readonly number[]): Promise<void>;
  /** @param modifier `dataTypeModifier` of the field */
  shapeOf(type: PostgresType, modifier: number): ValueShape;
}

/** A row as the driver passes it. */
export type Texts = readonly (string | null)[];

/** How a field becomes a cell. */
export interface FieldReader {
  column: Column;
  /** Its position in a row of the server. */
  position: number;
  parse: PostgresType['parse'];
}

const asText: PostgresType = { type: 'string', parse: (text) => text };

export function readersOf(
  fields: readonly FieldDef[],
  choice: FieldChoice,
  types: PostgresTypes,
): FieldReader[] {
  const names = fields.map(({ name }) => name);
  const texts = new Set(columnPositions(names, choice.asText));
  return columnPositions(names, choice.pick).flatMap((position) => {
    const field = fields[position];
    if (!field) return [];
    const type = (texts.has(position) ? undefined : types.find(field.dataTypeID)) ?? asText;
    const shape = types.shapeOf(type, field.dataTypeModifier);
    return { position, parse: type.parse, column: { name: field.name, nullable: true, ...shape } };
  });
}

/** Turns the driver's rows into rows and counts them. */
export function createRowMaker(readers: readonly FieldReader[]): (batch: readonly Texts[]) => Row[] {
  let rows = 0;
  const cellOf = (texts: Texts, { column, position, parse }: FieldReader): Cell => {
    const text = texts[position] ?? null;
    if (text === null) return null;
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof Misfit ? misfitAt(error.message, { column: column.name, row: rows }) : error;
    }
  };
  return (batch) =>
    batch.map((texts) => {
      rows += 1;
      return readers.map((reader) => cellOf(texts, reader));
    });
}
