import { misfitAt } from '@mooring/connectors/kit/misfit';
import { type Cell, type Column, jsonTextOf, type Row } from '@mooring/connectors/spec/data-types';
import type { Data, DataType } from 'apache-arrow';
import {
  bits,
  bytes,
  type DecimalPlaces,
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
} from './arrow-buffers.js';
import { isInstant, toMicroseconds } from './arrow-instants.js';
import { type ArrowType, arrowName, arrowTypeOf } from './arrow-types.js';
import { halfCharacterRemedy } from './half-characters.js';

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

function integerForm(arrow: ArrowLibrary, width: 8 | 16 | 32 | 64): Form {
  if (width === 64) {
    const type = new arrow.Int64();
    return {
      type,
      fill: (values, validity) =>
        arrow.makeData({ type, ...validity, data: filled(new BigInt64Array(values.length), values, int64) }),
    };
  }
  const convert = smallInt(width);
  const formOf = (type: DataType, empty: (length: number) => Int8Array | Int16Array | Int32Array): Form => ({
    type,
    fill: (values, validity) =>
      arrow.makeData({ type, ...validity, data: filled(empty(values.length), values, convert) } as never),
  });
  if (width === 8) return formOf(new arrow.Int8(), (length) => new Int8Array(length));
  if (width === 16) return formOf(new arrow.Int16(), (length) => new Int16Array(length));
  return formOf(new arrow.Int32(), (length) => new Int32Array(length));
}

function floatForm(arrow: ArrowLibrary, width: 32 | 64): Form {
  if (width === 32) {
    const type = new arrow.Float32();
    return {
      type,
      fill: (values, validity) =>
        arrow.makeData({ type, ...validity, data: filled(new Float32Array(values.length), values, float32) }),
    };
  }
  const type = new arrow.Float64();
  return {
    type,
    fill: (values, validity) =>
      arrow.makeData({ type, ...validity, data: filled(new Float64Array(values.length), values, float64) }),
  };
}

function decimalForm(arrow: ArrowLibrary, places: DecimalPlaces): Form {
  const type = new arrow.Decimal(places.scale, places.precision, places.bits);
  return {
    type,
    fill: (values, validity) => arrow.makeData({ type, ...validity, data: decimals(values, places) }),
  };
}

function timestampForm(arrow: ArrowLibrary, zone: 'UTC' | null): Form {
  const convert = (value: Cell) =>
    typeof value === 'string' && isInstant(value) === (zone !== null) ? toMicroseconds(value) : undefined;
  const type = new arrow.TimestampMicrosecond(zone);
  return {
    type,
    fill: (values, validity) =>
      arrow.makeData({ type, ...validity, data: filled(new BigInt64Array(values.length), values, convert) }),
  };
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

function plainForm(arrow: ArrowLibrary, kind: 'Bool' | 'Binary' | 'Date32' | 'Time64'): Form {
  switch (kind) {
    case 'Bool': {
      const type = new arrow.Bool();
      return { type, fill: (values, validity) => arrow.makeData({ type, ...validity, data: bits(values) }) };
    }
    case 'Binary': {
      const type = new arrow.Binary();
      return { type, fill: (values, validity) => arrow.makeData({ type, ...validity, ...bytes(values) }) };
    }
    case 'Date32': {
      const type = new arrow.DateDay();
      return {
        type,
        fill: (values, validity) =>
          arrow.makeData({ type, ...validity, data: filled(new Int32Array(values.length), values, days) }),
      };
    }
    default: {
      const type = new arrow.TimeMicrosecond();
      const convert = microsecondsOfDay;
      return {
        type,
        fill: (values, validity) =>
          arrow.makeData({
            type,
            ...validity,
            data: filled(new BigInt64Array(values.length), values, convert),
          }),
      };
    }
  }
}

function textForm(arrow: ArrowLibrary, toText: (value: NonNullable<Cell>) => string): Form {
  const type = new arrow.Utf8();
  return {
    type,
    fill: (values, validity) => arrow.makeData({ type, ...validity, ...utf8(values, toText) }),
  };
}

function formOf(arrow: ArrowLibrary, type: ArrowType, isJson: boolean): Form {
  switch (type.kind) {
    case 'Int':
      return integerForm(arrow, type.bits);
    case 'Float':
      return floatForm(arrow, type.bits);
    case 'Decimal':
      return decimalForm(arrow, type);
    case 'Timestamp':
      return timestampForm(arrow, type.zone);
    case 'List':
      return listForm(arrow, formOf(arrow, type.item, false));
    case 'Utf8':
      return textForm(arrow, isJson ? jsonTextOf : text);
    default:
      return plainForm(arrow, type.kind);
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
