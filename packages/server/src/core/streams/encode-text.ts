import type { Column, Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Batch } from '@mooring/connectors/interface/plan';
import { rowsIn } from '@mooring/connectors/kit/batch';
import { halfCharacterRemedy, hasHalfCharacter } from '@mooring/connectors/kit/half-characters';
import { createOutputMeter, type OutputMeter } from './output-meter.js';

/** Encodes batches. @param meter absent: one without a cap */
export type Encode = (
  columns: readonly Column[],
  batches: AsyncIterable<Batch>,
  meter?: OutputMeter,
) => AsyncGenerator<Uint8Array, void, undefined>;

/** A line-by-line form of rows. */
export interface TextForm {
  /** Precedes the first row; always written, whatever the byte cap. */
  head: string;
  /** One row with its line end. */
  line(row: Row): string;
  columns: readonly Column[];
}

/** Large enough to make the cost of a write negligible, small enough not to block the event loop. */
const CHUNK_LENGTH = 65_536;

/** @param before rows already written */
function assertEncodable({ columns }: TextForm, rows: readonly Row[], text: string, before: number): void {
  if (!hasHalfCharacter(text)) return;
  for (const [index, row] of rows.entries()) {
    const column = columns.find((_column, at) => hasHalfCharacter(String(row[at])));
    if (column) throw notEncodable(column.name, before + index + 1);
  }
}

function notEncodable(name: string, row: number): ConnectorError {
  return new ConnectorError(
    'unsupported',
    `Row ${row} has half of a character (a lone surrogate) in column ${JSON.stringify(name.slice(0, 128))}.`,
    { remedy: halfCharacterRemedy },
  );
}

/** As many whole rows as fit. */
function fitting(form: TextForm, rows: readonly Row[], room: number): { text: string; rows: number } {
  let text = '';
  let left = room;
  for (const [index, row] of rows.entries()) {
    const line = form.line(row);
    left -= Buffer.byteLength(line);
    if (left < 0) return { text, rows: index };
    text += line;
  }
  return { text, rows: rows.length };
}

/**
 * UTF-8 text of the rows, about 64 KiB per chunk and never across batches. A batch is requested when the consumer has
 * taken the previous one; the first chunk comes after the first batch. Ends after the last whole row that fits when
 * the byte cap is reached.
 */
export async function* encodeText(
  form: TextForm,
  batches: AsyncIterable<Batch>,
  meter: OutputMeter = createOutputMeter(),
): AsyncGenerator<Uint8Array, void, undefined> {
  let head = form.head;
  const chunkOf = (rows: readonly Row[], body: string): Uint8Array => {
    assertEncodable(form, rows, body, meter.rows());
    let chunk = Buffer.from(head + body);
    let count = rows.length;
    if (chunk.length > meter.room()) {
      const part = fitting(form, rows, meter.room() - Buffer.byteLength(head));
      chunk = Buffer.from(head + part.text);
      count = part.rows;
      if (count < rows.length) meter.full();
    }
    head = '';
    meter.wrote(count, chunk.length);
    return chunk;
  };
  for await (const batch of batches) {
    for (const rows of rowsIn(batch, form.columns, meter.rows() + 1)) {
      let from = 0;
      let body = '';
      for (let to = 1; to <= rows.length; to += 1) {
        body += form.line(rows[to - 1] ?? []);
        if (body.length < CHUNK_LENGTH && to < rows.length) continue;
        const chunk = chunkOf(rows.slice(from, to), body);
        if (chunk.length > 0) yield chunk;
        if (meter.isFull()) return;
        from = to;
        body = '';
      }
    }
  }
  if (head !== '') yield chunkOf([], '');
}
