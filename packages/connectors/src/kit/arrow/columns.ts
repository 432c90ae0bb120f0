import type { Data, DataType } from 'apache-arrow';
import { type Cell, type Column, jsonTextOf, type Row } from '../../interface/data-types.js';
import { halfCharacterRemedy } from '../half-characters.js';
import { misfitAt } from '../misfit.js';
import {
  bits,
  bytes,
  days,
  decimals,
  filled,
  flattened,
  float32,
  float64,
  int64,
  listOfItem,
  microsecondsOfDay,
  smallInt,
  text,
  Unfit,
  utf8,
  type Validity,
  validityOf,
} from './buffers.js';
import { isInstant, toMicroseconds } from './instants.js';
import { type ArrowLibrary, dataTypeOf } from './library.js';
import { type ArrowType, arrowName, arrowTypeOf } from './types.js';

/** One column of an Arrow stream. */
interface ArrowColumn {
  type: DataType;
  /**
   * The column's values in the rows.
   * @param firstRow number of the first row, from 1
   * @throws ConnectorError `unsupported` when the Arrow type cannot hold one of them, naming column and row.
   */
  dataOf(rows: readonly Row[], firstRow: number): Data;
}

interface Form {
  type: DataType;
  /** @throws Unfit */
  fill(values: readonly Cell[], validity: Validity): Data;
}

/** What `makeData` takes besides type and validity; its types are per Arrow type. */
type Buffers = { data: unknown; valueOffsets?: Int32Array };

const makeForm = (
  arrow: ArrowLibrary,
  type: DataType,
  buffersOf: (values: readonly Cell[]) => Buffers,
): Form => ({
  type,
  fill: (values, validity) => arrow.makeData({ type, ...validity, ...buffersOf(values) } as never),
});

const intArrays = { 8: Int8Array, 16: Int16Array, 32: Int32Array } as const;

function buffersOfInts(bits: 8 | 16 | 32 | 64): (values: readonly Cell[]) => Buffers {
  if (bits === 64) return (values) => ({ data: filled(new BigInt64Array(values.length), values, int64) });
  const convert = smallInt(bits);
  return (values) => ({ data: filled(new intArrays[bits](values.length), values, convert) });
}

function buffersOfInstants(zone: 'UTC' | null): (values: readonly Cell[]) => Buffers {
  const convert = (value: Cell) =>
    typeof value === 'string' && isInstant(value) === (zone !== null) ? toMicroseconds(value) : undefined;
  return (values) => ({ data: filled(new BigInt64Array(values.length), values, convert) });
}

function listForm(arrow: ArrowLibrary, type: DataType, item: Form): Form {
  return {
    type,
    fill(values, validity) {
      const { items, valueOffsets } = flattened(values);
      try {
        const child = item.fill(items, validityOf(items));
        return arrow.makeData({ type, ...validity, valueOffsets, child } as never);
      } catch (error) {
        throw error instanceof Unfit ? new Unfit(listOfItem(valueOffsets, error.index)) : error;
      }
    },
  };
}

function buffersOf(type: Exclude<ArrowType, { kind: 'List' }>, isJson: boolean) {
  switch (type.kind) {
    case 'Int':
      return buffersOfInts(type.bits);
    case 'Float':
      return type.bits === 32
        ? (values: readonly Cell[]) => ({ data: filled(new Float32Array(values.length), values, float32) })
        : (values: readonly Cell[]) => ({ data: filled(new Float64Array(values.length), values, float64) });
    case 'Decimal':
      return (values: readonly Cell[]) => ({ data: decimals(values, type) });
    case 'Timestamp':
      return buffersOfInstants(type.zone);
    case 'Utf8':
      return (values: readonly Cell[]) => utf8(values, isJson ? jsonTextOf : text);
    case 'Bool':
      return (values: readonly Cell[]) => ({ data: bits(values) });
    case 'Binary':
      return bytes;
    case 'Date32':
      return (values: readonly Cell[]) => ({ data: filled(new Int32Array(values.length), values, days) });
    case 'Time64':
      return (values: readonly Cell[]) => ({
        data: filled(new BigInt64Array(values.length), values, microsecondsOfDay),
      });
  }
}

function formOf(arrow: ArrowLibrary, type: ArrowType, isJson: boolean): Form {
  const dataType = dataTypeOf(arrow, type);
  if (type.kind === 'List') return listForm(arrow, dataType, formOf(arrow, type.item, false));
  return makeForm(arrow, dataType, buffersOf(type, isJson));
}

/** A column whose type is that of {@link arrowTypeOf}; text is exact, and `json` its JSON text. */
export function arrowColumn(
  arrow: ArrowLibrary,
  { column, position }: { column: Column; position: number },
): ArrowColumn {
  const type = arrowTypeOf(column);
  const form = formOf(arrow, type, column.type === 'json');
  return {
    type: form.type,
    dataOf(rows, firstRow) {
      const values = rows.map((row) => row[position] ?? null);
      try {
        return form.fill(values, validityOf(values));
      } catch (error) {
        if (!(error instanceof Unfit)) throw error;
        const place = { column: column.name, row: firstRow + error.index };
        const remedy = type.kind === 'Utf8' ? halfCharacterRemedy : undefined;
        throw misfitAt(`holds a value that Arrow's ${arrowName(type)} cannot hold`, place, remedy);
      }
    },
  };
}
