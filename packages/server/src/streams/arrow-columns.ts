import {
  type Cell,
  type Column,
  jsonTextOf,
  type NeutralType,
  type Row,
} from '@mooring/connectors/spec/data-types';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Data, DataType } from 'apache-arrow';
import {
  bits,
  bytes,
  days,
  filled,
  float64,
  int64,
  text,
  Unfit,
  utf8,
  type Validity,
  validityOf,
} from './arrow-buffers.js';
import { isInstant, toMicroseconds } from './arrow-instants.js';

/** The library, handed in by who loaded it: it takes 0.4 s and is therefore loaded on first use. */
export type ArrowLibrary = typeof import('apache-arrow');

/** One column of an Arrow stream. */
interface ArrowColumn {
  type: DataType;
  /**
   * The column's values in the rows.
   * @throws ConnectorError `unsupported` when the Arrow type cannot hold one of them.
   */
  dataOf(rows: readonly Row[]): Data;
}

interface ColumnForm {
  type: DataType;
  fill(values: readonly Cell[], validity: Validity): Data;
}

function textForm(arrow: ArrowLibrary, toText: (value: NonNullable<Cell>) => string): ColumnForm {
  const type = new arrow.Utf8();
  return {
    type,
    fill: (values, validity) => arrow.makeData({ type, ...validity, ...utf8(values, toText) }),
  };
}

function binaryForm(arrow: ArrowLibrary): ColumnForm {
  const type = new arrow.Binary();
  return {
    type,
    fill: (values, validity) => arrow.makeData({ type, ...validity, ...bytes(values) }),
  };
}

function timeForm(arrow: ArrowLibrary, isZoned: boolean): ColumnForm {
  const convert = (value: Cell) =>
    typeof value === 'string' && isInstant(value) === isZoned ? toMicroseconds(value) : undefined;
  const type = new arrow.TimestampMicrosecond(isZoned ? 'UTC' : null);
  return {
    type,
    fill: (values, validity) =>
      arrow.makeData({ type, ...validity, data: filled(new BigInt64Array(values.length), values, convert) }),
  };
}

function formOf(arrow: ArrowLibrary, neutral: NeutralType): ColumnForm {
  switch (neutral) {
    case 'boolean': {
      const type = new arrow.Bool();
      return { type, fill: (values, validity) => arrow.makeData({ type, ...validity, data: bits(values) }) };
    }
    case 'integer':
    case 'bigint': {
      const type = new arrow.Int64();
      return {
        type,
        fill: (values, validity) =>
          arrow.makeData({
            type,
            ...validity,
            data: filled(new BigInt64Array(values.length), values, int64),
          }),
      };
    }
    case 'float': {
      const type = new arrow.Float64();
      return {
        type,
        fill: (values, validity) =>
          arrow.makeData({
            type,
            ...validity,
            data: filled(new Float64Array(values.length), values, float64),
          }),
      };
    }
    case 'date': {
      const type = new arrow.DateDay();
      return {
        type,
        fill: (values, validity) =>
          arrow.makeData({ type, ...validity, data: filled(new Int32Array(values.length), values, days) }),
      };
    }
    case 'timestamp':
    case 'datetime':
      return timeForm(arrow, neutral === 'timestamp');
    case 'bytes':
      return binaryForm(arrow);
    case 'json':
      return textForm(arrow, (value) => jsonTextOf(value));
    default:
      return textForm(arrow, text);
  }
}

/**
 * `boolean` → Bool, `integer` and `bigint` → Int64, `float` → Float64, `date` → Date32, `timestamp` → Timestamp in
 * microseconds with the zone `UTC`, `datetime` → the same without a zone, `bytes` → Binary; `decimal`, whose precision the neutral types do not carry, and `time`, `string` and
 * `json` → Utf8 with their exact text.
 */
export function arrowColumn(
  arrow: ArrowLibrary,
  { column, position }: { column: Column; position: number },
): ArrowColumn {
  const valuesOf = (rows: readonly Row[]) => rows.map((row) => row[position] ?? null);
  const form = formOf(arrow, column.type);
  return {
    type: form.type,
    dataOf(rows) {
      const values = valuesOf(rows);
      try {
        return form.fill(values, validityOf(values));
      } catch (error) {
        if (!(error instanceof Unfit)) throw error;
        throw new ConnectorError(
          'unsupported',
          `Column ${JSON.stringify(column.name)} holds a value that Arrow's ${form.type} cannot hold.`,
          { remedy: 'Ask for NDJSON or CSV, or convert the column in the query.' },
        );
      }
    },
  };
}
