import type { Column } from '@mooring/connectors/interface/data-types';
import type { Batch } from '@mooring/connectors/interface/plan';
import { arrowColumn } from '@mooring/connectors/kit/arrow/columns';
import {
  type ArrowLibrary,
  assertTypes,
  recordBatchOf,
  schemaOf,
} from '@mooring/connectors/kit/arrow/library';
import { cutColumns } from '@mooring/connectors/kit/arrow/slices';
import { lengthOf } from '@mooring/connectors/kit/batch';
import { assertNamesEncodable } from '@mooring/connectors/kit/half-characters';
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

/** Rows of a batch. */
interface Part {
  from: number;
  count: number;
  /** Number of the first one in the answer, from 1. */
  firstRow: number;
}

/** Messages of the streaming format. */
function createMessages(arrow: ArrowLibrary, columns: readonly Column[]) {
  const forms = columns.map((column, position) => arrowColumn(arrow, { column, position }));
  const names = distinctNames(columns);
  assertNamesEncodable(names);
  const types = forms.map(({ type }) => type);
  const schema = schemaOf(arrow, names, types);
  const writer = createWriter(arrow);
  const childrenOf = (batch: Batch, { from, count, firstRow }: Part) => {
    if ('arrow' in batch) return cutColumns(batch.arrow, from, count);
    const rows = batch.rows.slice(from, from + count);
    return forms.map((form) => form.dataOf(rows, firstRow));
  };
  return {
    schema(): Uint8Array {
      writer.reset(undefined, schema);
      return writer.take();
    },
    /** @throws ConnectorError `protocol_error` for a record batch of other types than the columns have */
    check(batch: Batch): void {
      if ('arrow' in batch) assertTypes(batch.arrow, columns, types);
    },
    part(batch: Batch, part: Part): Uint8Array {
      const children = childrenOf(batch, part);
      writer.write(recordBatchOf(arrow, schema, { length: part.count, children }));
      return writer.take();
    },
    end(): Uint8Array {
      writer.finish();
      return writer.take();
    },
  };
}

const nothing = new Uint8Array(0);

/** The most rows from the start of a part whose message fits. */
function fitting(
  messages: Messages,
  { batch, part }: { batch: Batch; part: Part },
  room: number,
): { message: Uint8Array; rows: number } {
  let { count } = part;
  while (count > 0) {
    const message = messages.part(batch, { ...part, count });
    if (message.length <= room) return { message, rows: count };
    count = Math.min(count - 1, Math.floor((count * room) / message.length));
  }
  return { message: nothing, rows: 0 };
}

/**
 * Arrow's IPC streaming format (Columnar Format 1.5), one record batch per batch of the source; see `kit/arrow/types.ts`
 * for the types. Record batches of the source pass without a row being made. A batch is requested when the consumer has
 * taken the previous one; the first chunk comes after the first batch. Schema and end are always written, whatever the
 * byte cap.
 * @throws ConnectorError `unsupported` when an Arrow type cannot hold a value.
 */
export async function* encodeArrow(
  columns: readonly Column[],
  batches: AsyncIterable<Batch>,
  meter: OutputMeter = createOutputMeter(),
): AsyncGenerator<Uint8Array, void, undefined> {
  const arrow = await import('apache-arrow');
  const messages = createMessages(arrow, columns);
  let head = messages.schema();
  meter.wrote(0, head.length + END_BYTES);
  for await (const batch of batches) {
    messages.check(batch);
    const length = lengthOf(batch);
    for (let from = 0; from < length && !meter.isFull(); from += ROWS_MAX) {
      const part = { from, count: Math.min(ROWS_MAX, length - from), firstRow: meter.rows() + 1 };
      const { message, rows } = fitting(messages, { batch, part }, meter.room());
      if (rows < part.count) meter.full();
      meter.wrote(rows, message.length);
      const chunk = Buffer.concat([head, message]);
      head = nothing;
      if (chunk.length > 0) yield chunk;
    }
    if (meter.isFull()) break;
  }
  yield Buffer.concat([head, messages.end()]);
}
