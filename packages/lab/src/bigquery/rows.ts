import type { Cell, Field } from './data.js';

/** How TIMESTAMP travels; see DataFormatOptions of the REST reference. */
export type TimestampFormat = 'FLOAT64' | 'INT64' | 'ISO8601_STRING';

type WireValue = { v: WireCell };
type WireCell = string | null | { f: WireValue[] } | WireValue[];

export interface WireRow {
  f: WireValue[];
}

/** The format requested by query string or body; the API's default is FLOAT64. */
export function timestampFormat(options: {
  useInt64Timestamp?: unknown;
  timestampOutputFormat?: unknown;
}): TimestampFormat {
  const wanted = options.timestampOutputFormat;
  if (wanted === 'INT64' || wanted === 'ISO8601_STRING' || wanted === 'FLOAT64') return wanted;
  return String(options.useInt64Timestamp) === 'true' ? 'INT64' : 'FLOAT64';
}

function timestampText(micros: string, format: TimestampFormat): string {
  if (format === 'INT64') return micros;
  if (format === 'FLOAT64') return (Number(micros) / 1e6).toExponential().toUpperCase().replace('E+', 'E');
  const whole = BigInt(micros);
  const fraction = ((whole % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((whole - fraction) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${fraction.toString().padStart(6, '0')}Z`;
}

function wireCell(field: Field, cell: Cell, format: TimestampFormat): WireCell {
  if (cell === null) return null;
  if (field.mode === 'REPEATED') {
    const { mode: _, ...element } = field;
    return (cell as readonly Cell[]).map((item) => ({ v: wireCell(element, item, format) }));
  }
  if (field.fields !== undefined) return wireRow(field.fields, cell as readonly Cell[], format);
  const text = cell as string;
  return field.type === 'TIMESTAMP' ? timestampText(text, format) : text;
}

/** A row in the `{f: [{v}]}` form of tabledata.list and the query calls. */
export function wireRow(fields: readonly Field[], cells: readonly Cell[], format: TimestampFormat): WireRow {
  return { f: fields.map((field, index) => ({ v: wireCell(field, cells[index] ?? null, format) })) };
}
