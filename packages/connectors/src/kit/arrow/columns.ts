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
import { type ArrowType, arrowName, arrowTypeOf } from './types.js';

/** The library, passed in by the caller: it takes 0.4 s to load and is therefore loaded on first use. */
export type ArrowLibrary = typeof import('apache-arrow');

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

function integerForm(arrow: ArrowLibrary, width: 8 | 16 | 32 | 64): Form {
  if (width === 64) {
    return makeForm(arrow, new arrow.Int64(), (values) => ({
      data: filled(new BigInt64Array(values.length), values, int64),
    }));
  }
  const types = {
    8: [arrow.Int8, Int8Array],
    16: [arrow.Int16, Int16Array],
    32: [arrow.Int32, Int32Array],
  } as const;
  const [Type, Target] = types[width];
  const convert = smallInt(width);
  return makeForm(arrow, new Type(), (values) => ({
    data: filled(new Target(values.length), values, convert),
  }));
}

const floatForm = (arrow: ArrowLibrary, width: 32 | 64): Form =>
  width === 32
    ? makeForm(arrow, new arrow.Float32(), (values) => ({
        data: filled(new Float32Array(values.length), values, float32),
      }))
    : makeForm(arrow, new arrow.Float64(), (values) => ({
        data: filled(new Float64Array(values.length), values, float64),
      }));

function timestampForm(arrow: ArrowLibrary, zone: 'UTC' | null): Form {
  const convert = (value: Cell) =>
    typeof value === 'string' && isInstant(value) === (zone !== null) ? toMicroseconds(value) : undefined;
  return makeForm(arrow, new arrow.TimestampMicrosecond(zone), (values) => ({
    data: filled(new BigInt64Array(values.length), values, convert),
  }));
}

function listForm(arrow: ArrowLibrary, item: Form): Form {
  const type = new arrow.List(new arrow.Field('item', item.type, true));
  return {
    type,
    fill(values, validity) {
      const { items, valueOffsets } = flattened(values);
      try {
        const child = item.fill(items, validityOf(items));
        return arrow.makeData({ type, ...validity, valueOffsets, child });
      } catch (error) {
        throw error instanceof Unfit ? new Unfit(listOfItem(valueOffsets, error.index)) : error;
      }
    },
  };
}

function formOf(arrow: ArrowLibrary, type: ArrowType, isJson: boolean): Form {
  switch (type.kind) {
    case 'Int':
      return integerForm(arrow, type.bits);
    case 'Float':
      return floatForm(arrow, type.bits);
    case 'Decimal':
      return makeForm(arrow, new arrow.Decimal(type.scale, type.precision, type.bits), (values) => ({
        data: decimals(values, type),
      }));
    case 'Timestamp':
      return timestampForm(arrow, type.zone);
    case 'List':
      return listForm(arrow, formOf(arrow, type.item, false));
    case 'Utf8':
      return makeForm(arrow, new arrow.Utf8(), (values) => utf8(values, isJson ? jsonTextOf : text));
    case 'Bool':
      return makeForm(arrow, new arrow.Bool(), (values) => ({ data: bits(values) }));
    case 'Binary':
      return makeForm(arrow, new arrow.Binary(), bytes);
    case 'Date32':
      return makeForm(arrow, new arrow.DateDay(), (values) => ({
        data: filled(new Int32Array(values.length), values, days),
      }));
    case 'Time64':
      return makeForm(arrow, new arrow.TimeMicrosecond(), (values) => ({
        data: filled(new BigInt64Array(values.length), values, microsecondsOfDay),
      }));
  }
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
