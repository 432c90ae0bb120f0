import { applyCaps, type BatchStream, type StreamCaps, type StreamOutcome } from './caps.js';
import { encodeArrow } from './encode-arrow.js';
import { encodeCsv, encodeCsvForSpreadsheets } from './encode-csv.js';
import { encodeNdjson, encodeNdjsonWithColumns } from './encode-ndjson.js';
import type { Encode } from './encode-text.js';
import type { StreamFormat } from './media-type.js';

/** Output of an encoder so far. */
export interface Counts {
  rows: number;
  bytes: number;
}

/** An answer as bytes, at the pace of its reader. `return()` ends the work behind it. */
export interface Encoded {
  chunks: AsyncGenerator<Uint8Array, StreamOutcome, undefined>;
  counts(): Counts;
}

const encoders: Readonly<Record<StreamFormat, Encode>> = {
  ndjson: encodeNdjson,
  'ndjson-with-columns': encodeNdjsonWithColumns,
  csv: encodeCsv,
  'csv-for-spreadsheets': encodeCsvForSpreadsheets,
  arrow: encodeArrow,
};

/** The batches of a source in one of the formats, truncated at the caps; `stop` as for {@link applyCaps}. */
export function encodeRows(
  stream: BatchStream,
  format: StreamFormat,
  caps: StreamCaps,
  stop: AbortController,
): Encoded {
  const { columns, batches, meter, outcome } = applyCaps(stream, caps, stop);
  async function* chunks() {
    yield* encoders[format](columns, batches, meter);
    return outcome();
  }
  return { chunks: chunks(), counts: () => ({ rows: meter.rows(), bytes: meter.bytes() }) };
}

/** A whole answer at once, for small answers. */
export async function collect({ chunks }: Encoded): Promise<Uint8Array> {
  const found: Uint8Array[] = [];
  for await (const chunk of chunks) found.push(chunk);
  return found.length === 1 && found[0] ? found[0] : Buffer.concat(found);
}
