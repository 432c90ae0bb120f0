import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RowStream } from '@mooring/connectors/spec/connector';
import type { Column, Row } from '@mooring/connectors/spec/data-types';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import { abortFailure, applyCaps, type StreamCaps, type StreamOutcome } from './caps.js';
import { encodeArrow } from './encode-arrow.js';
import { encodeCsv } from './encode-csv.js';
import { encodeNdjson } from './encode-ndjson.js';
import { contentTypeOf, type StreamFormat } from './media-type.js';
import type { OutputMeter } from './output-meter.js';

export interface RowReply {
  /** Untouched yet: nothing written, status and headers free. */
  response: ServerResponse;
  stream: RowStream;
  format: StreamFormat;
  caps: StreamCaps;
  /**
   * Of the session: its signal is the one the session was opened with. Aborted when the reader leaves or stalls
   * and on every failure; aborting it from outside ends the reply as failed, for whatever reason it is given.
   */
  stop: AbortController;
  /**
   * Called once, when the first batch is here and before a byte is written: for the record of the use, and for
   * more headers. When it throws, nothing is sent.
   */
  beforeHead?: () => OutgoingHttpHeaders | Promise<OutgoingHttpHeaders>;
}

export type ReplyOutcome =
  | StreamOutcome
  /** The body was broken off, so that the reader sees a failure. */
  | { state: 'failed'; error: unknown; rows: number; bytes: number }
  /** The reader closed the connection. */
  | { state: 'left'; rows: number; bytes: number };

type Encode = (
  columns: readonly Column[],
  batches: AsyncIterable<readonly Row[]>,
  meter: OutputMeter,
) => AsyncGenerator<Uint8Array, void, undefined>;

const encoders: Readonly<Record<StreamFormat, Encode>> = {
  ndjson: encodeNdjson,
  csv: encodeCsv,
  arrow: encodeArrow,
};

/** Ends a body so that no reader takes it for whole: no last chunk, and a reset where there are no chunks. */
function breakOff(response: ServerResponse): void {
  const { socket } = response;
  if (response.req.httpVersion === '1.0' && socket?.destroyed === false) {
    try {
      socket.resetAndDestroy();
      return;
    } catch {
      // Not a bare TCP socket; a TLS one tells a reader by the missing close_notify.
    }
  }
  response.destroy();
}

/** Waits for the event. @throws ConnectorError `timeout` when the reader takes nothing for so long; the abort's. */
async function taken(
  response: ServerResponse,
  event: 'drain' | 'finish',
  { idleSeconds, stop }: { idleSeconds: number; stop: AbortController },
): Promise<void> {
  const stalled = () =>
    stop.abort(new ConnectorError('timeout', `The reader took nothing for ${idleSeconds} seconds.`));
  const timer = idleSeconds > 0 ? setTimeout(stalled, idleSeconds * 1000) : undefined;
  try {
    await once(response, event, { signal: stop.signal });
  } catch (error) {
    throw stop.signal.aborted ? abortFailure(stop.signal) : error;
  } finally {
    clearTimeout(timer);
  }
}
