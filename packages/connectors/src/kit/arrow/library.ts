import type { Data, DataType, RecordBatch, Schema } from 'apache-arrow';
import type { Column } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { quoted } from '../json/failures.js';
import type { ArrowType } from './types.js';

/** The library, passed in by the caller: it takes 0.4 s to load and is therefore loaded on first use. */
export type ArrowLibrary = typeof import('apache-arrow');

/** The library's type of a column. */
export function dataTypeOf(arrow: ArrowLibrary, type: ArrowType): DataType {
  switch (type.kind) {
    case 'Bool':
      return new arrow.Bool();
    case 'Int':
      return new { 8: arrow.Int8, 16: arrow.Int16, 32: arrow.Int32, 64: arrow.Int64 }[type.bits]();
    case 'Float':
      return new { 32: arrow.Float32, 64: arrow.Float64 }[type.bits]();
    case 'Decimal':
      return new arrow.Decimal(type.scale, type.precision, type.bits);
    case 'Utf8':
      return new arrow.Utf8();
    case 'Binary':
      return new arrow.Binary();
    case 'Date32':
      return new arrow.DateDay();
    case 'Time64':
      return new arrow.TimeMicrosecond();
    case 'Timestamp':
      return new arrow.TimestampMicrosecond(type.zone);
    case 'List':
      return new arrow.List(new arrow.Field('item', dataTypeOf(arrow, type.item), true));
  }
}

/** @param types one a name. Every field is nullable, because a source's nullability can be wrong for views and joins. */
export const schemaOf = (arrow: ArrowLibrary, names: readonly string[], types: readonly DataType[]): Schema =>
  new arrow.Schema(types.map((type, position) => new arrow.Field(names[position] ?? '', type, true)));

/** @param children one a field, each of this length */
export function recordBatchOf(
  arrow: ArrowLibrary,
  schema: Schema,
  { length, children }: { length: number; children: Data[] },
): RecordBatch {
  const type = new arrow.Struct(schema.fields);
  return new arrow.RecordBatch(schema, arrow.makeData({ type, length, nullCount: 0, children }));
}

/** The library names decimals of any width alike. */
function nameOf(type: DataType): string {
  const [item] = (type.children ?? []).map((child) => nameOf(child.type));
  const { bitWidth } = type as { bitWidth?: number };
  return [type, bitWidth, item].join();
}

/**
 * @param types of the columns
 * @throws ConnectorError `protocol_error` for a record batch that has others: its buffers would be read as something else
 */
export function assertTypes(
  batch: RecordBatch,
  columns: readonly Column[],
  types: readonly DataType[],
): void {
  const { children } = batch.data;
  if (children.length !== types.length) {
    const text = `The source returned ${children.length} columns where ${types.length} were announced.`;
    throw new ConnectorError('protocol_error', text);
  }
  for (const [position, type] of types.entries()) {
    const found = children[position]?.type as DataType;
    if (nameOf(found) === nameOf(type)) continue;
    const name = quoted(columns[position]?.name ?? '');
    const text = `The source returned column ${name} as ${found} where ${type} was announced.`;
    throw new ConnectorError('protocol_error', text);
  }
}
