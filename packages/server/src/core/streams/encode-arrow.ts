import type { Column, Row } from '@mooring/connectors/interface/data-types';
import { type ArrowLibrary, arrowColumn } from '@mooring/connectors/kit/arrow/columns';
import { assertNamesEncodable } from '@mooring/connectors/kit/half-characters';
import type { RecordBatch } from 'apache-arrow';
import { distinctNames } from './column-names.js';
import { createOutputMeter, type OutputMeter } from './output-meter.js';

/** Continuation marker and a length of 0 end the stream. */
const END_BYTES = 8;
/** Most rows of one record batch, so that a message stays small whatever the batches of the source. */
const ROWS_MAX = 8192;

/** The library's writer has an unbounded queue; this one returns its output at once. */
function createWriter(arrow: ArrowLibrary) {
  class Writer extends arrow.RecordBatchStreamWriter {
    #pieces: Uint8Array[] = [];

    protected override _write(piece: ArrayBufferView): this {
      this.#pieces.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
      return this;
    }

    /** Output since the last call. */
    take(): Uint8Array {
      const bytes = Buffer.concat(this.#pieces);
      this.#pieces = [];
      // Only the file format needs these; they would grow with the stream.
      this._recordBatchBlocks = [];
      return bytes;
    }
  }
  return new Writer();
}

type Messages = ReturnType<typeof createMessages>;

/** Messages of the streaming format. */
function createMessages(arrow: ArrowLibrary, columns: readonly Column[]) {
  const forms = columns.map((column, position) => arrowColumn(arrow, { column, position }));
  const names = distinctNames(columns);
  assertNamesEncodable(names);
  // A source's nullability can be wrong for views and joins, so every field is nullable.
  const schema = new arrow.Schema(
    forms.map(({ type }, position) => new arrow.Field(names[position] ?? '', type, true)),
  );
  const type = new arrow.Struct(schema.fields);
  const writer = createWriter(arrow);
  const batchOf = (rows: readonly Row[], firstRow: number): RecordBatch => {
    const children = forms.map((form) => form.dataOf(rows, firstRow));
    return new arrow.RecordBatch(
      schema,
      arrow.makeData({ type, length: rows.length, nullCount: 0, children }),
    );
  };
  return {
    schema(): Uint8Array {
      writer.reset(undefined, schema);
      return writer.take();
    },
    /** @param firstRow number of the first row, from 1 */
    rows(rows: readonly Row[], firstRow: number): Uint8Array {
      writer.write(batchOf(rows, firstRow));
      return writer.take();
    },
    end(): Uint8Array {
      writer.finish();
      return writer.take();
    },
  };
}

const nothing = new Uint8Array(0);

/** The most rows from the start whose message fits. */
function fitting(
  messages: Messages,
  { rows, firstRow }: { rows: readonly Row[]; firstRow: number },
  room: number,
): { message: Uint8Array; rows: number } {
  let count = rows.length;
  while (count > 0) {
    const message = messages.rows(rows.slice(0, count), firstRow);
    if (message.length <= room) return { message, rows: count };
    count = Math.min(count - 1, Math.floor((count * room) / message.length));
  }
  return { message: nothing, rows: 0 };
}

/**
 * Arrow's IPC streaming format (Columnar Format 1.5), one record batch per batch of the source; see `arrow-types.ts`
 * for the types. A batch is requested when the consumer has taken the previous one; the first chunk comes after the
 * first batch. Schema and end are always written, whatever the byte cap.
 * @throws ConnectorError `unsupported` when an Arrow type cannot hold a value.
 */
export async function* encodeArrow(
  columns: readonly Column[],
  batches: AsyncIterable<readonly Row[]>,
  meter: OutputMeter = createOutputMeter(),
): AsyncGenerator<Uint8Array, void, undefined> {
  const arrow = await import('apache-arrow');
  const messages = createMessages(arrow, columns);
  let head = messages.schema();
  meter.wrote(0, head.length + END_BYTES);
  for await (const batch of batches) {
    for (let from = 0; from < batch.length && !meter.isFull(); from += ROWS_MAX) {
      const rows = batch.slice(from, from + ROWS_MAX);
      const part = fitting(messages, { rows, firstRow: meter.rows() + 1 }, meter.room());
      if (part.rows < rows.length) meter.full();
      meter.wrote(part.rows, part.message.length);
      const chunk = Buffer.concat([head, part.message]);
      head = nothing;
      if (chunk.length > 0) yield chunk;
    }
    if (meter.isFull()) break;
  }
  yield Buffer.concat([head, messages.end()]);
}
