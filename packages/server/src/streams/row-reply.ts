import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { after } from '@mooring/connectors/kit/deadline';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import { abortFailure, readEnded, rightGone, type StreamOutcome } from './caps.js';
import type { Counts, Encoded } from './encoded-rows.js';
import { contentTypeOf, type StreamFormat } from './media-type.js';

export interface RowReply {
  /** Untouched yet: nothing written, status and headers free. */
  response: ServerResponse;
  rows: Encoded;
  format: StreamFormat;
  /** Longest silence of the reader. */
  idleSeconds: number;
  /**
   * Of the work behind the rows. Aborted when the reader leaves or stalls and on every failure; aborting it from
   * outside ends the reply as failed, for whatever reason it is given.
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
  | ({ state: 'failed'; error: unknown } & Counts)
  /** The reader closed the connection. */
  | ({ state: 'left' } & Counts);

const STATE_TRAILER = 'Mooring-Stream';

const hasTrailers = ({ req }: ServerResponse): boolean => req.httpVersion !== '1.0';

/**
 * Ends a body so that no reader takes it for whole: no last chunk, and a reset where there are no chunks.
 * @param atOnce a reset also throws away what waits in the system for a slow reader, megabytes perhaps
 */
function breakOff(response: ServerResponse, atOnce = false): void {
  const { socket } = response;
  if ((atOnce || !hasTrailers(response)) && socket?.destroyed === false) {
    try {
      socket.resetAndDestroy();
      // By itself it waits until the reader has taken what was written.
      if (socket.writableLength > 0) socket.destroy();
      return;
    } catch {
      // Not a bare TCP socket; a TLS one tells a reader by the missing close_notify.
    }
  }
  response.destroy();
}

/** How long to bear with the reader, and what else ends the reply. */
interface Patience {
  idleSeconds: number;
  signal: AbortSignal;
  end(reason: unknown): void;
}

function throwIfEnded({ signal }: Patience): void {
  if (signal.aborted) throw abortFailure(signal);
}

/** Waits until the reader has taken what was written. @throws ConnectorError `timeout`, or why it was ended */
async function taken(response: ServerResponse, event: 'drain' | 'finish', patience: Patience): Promise<void> {
  const { idleSeconds, signal, end } = patience;
  const stalled = () =>
    end(new ConnectorError('timeout', `The reader took nothing for ${idleSeconds} seconds.`));
  const timer = idleSeconds > 0 ? after(idleSeconds * 1000, stalled) : undefined;
  try {
    await once(response, event, { signal });
  } catch (error) {
    throwIfEnded(patience);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function write(response: ServerResponse, chunk: Uint8Array, patience: Patience): Promise<void> {
  if (!response.write(chunk)) await taken(response, 'drain', patience);
  // A reader and a source that never make us wait must not keep everybody else waiting.
  await nextTurn();
  throwIfEnded(patience);
}

/** The value of a return is that of an end which is never reached. */
const leave = (chunks: Encoded['chunks']) => chunks.return(undefined as never);

function sendHead({ response, format }: RowReply, more: OutgoingHttpHeaders): void {
  for (const [name, value] of Object.entries(more)) if (value !== undefined) response.setHeader(name, value);
  response.setHeader('Content-Type', contentTypeOf(format));
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (hasTrailers(response)) response.setHeader('Trailer', STATE_TRAILER);
  response.writeHead(200);
}

async function finish(response: ServerResponse, outcome: StreamOutcome, patience: Patience): Promise<void> {
  if (hasTrailers(response)) {
    const state = outcome.cap ? `${outcome.state};cap=${outcome.cap}` : outcome.state;
    response.addTrailers({ [STATE_TRAILER]: state });
  } else if (outcome.state === 'truncated') {
    return breakOff(response);
  }
  response.end();
  await taken(response, 'finish', patience);
}

/**
 * Answers with the rows as a chunked body, at the pace of the reader. The trailer `Mooring-Stream` ends it with
 * `complete`, or with `truncated;cap=rows|bytes|time`; a failure breaks it off without the last chunk. A reader on
 * HTTP/1.0, which has neither chunks nor trailers, gets a reset connection for both a cut and a failure.
 *
 * @throws whatever fails before the first byte is sent (source, encoding, `beforeHead`, a reader that has left):
 * the response is untouched then and can still carry an error. Later failures are in the outcome.
 */
export async function sendRows(reply: RowReply): Promise<ReplyOutcome> {
  const { response, stop } = reply;
  // Apart from `stop`, because a source may have to be stopped for a reply that goes on to its proper end.
  const halt = new AbortController();
  const end = (reason: unknown) => {
    halt.abort(reason);
    stop.abort(reason);
  };
  const onStop = () => {
    if (stop.signal.reason !== readEnded) halt.abort(stop.signal.reason);
  };
  const patience = { idleSeconds: reply.idleSeconds, signal: halt.signal, end };
  const { chunks, counts } = reply.rows;
  let hasLeft = false;
  const onClose = () => {
    if (response.writableFinished) return;
    hasLeft = true;
    end(new ConnectorError('cancelled', 'The reader left.'));
  };
  response.once('close', onClose);
  stop.signal.addEventListener('abort', onStop);
  if (stop.signal.aborted) onStop();
  if (response.destroyed) onClose();
  try {
    let next = await chunks.next();
    const headers = (await reply.beforeHead?.()) ?? {};
    throwIfEnded(patience);
    sendHead(reply, headers);
    while (!next.done) {
      await write(response, next.value, patience);
      next = await chunks.next();
    }
    await finish(response, next.value, patience);
    return next.value;
  } catch (error) {
    response.off('close', onClose);
    end(error);
    if (response.headersSent) breakOff(response, stop.signal.reason === rightGone);
    await leave(chunks);
    if (!response.headersSent) throw error;
    return hasLeft ? { state: 'left', ...counts() } : { state: 'failed', error, ...counts() };
  } finally {
    response.off('close', onClose);
    stop.signal.removeEventListener('abort', onStop);
  }
}
