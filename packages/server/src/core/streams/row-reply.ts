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
  /** What the body ends with where it breaks off, so that its reader knows why. Empty: nothing. */
  lastWords?: (ending: BrokenEnding) => Uint8Array;
}

/** Why a body is not whole. */
export type BrokenEnding =
  /** `isAtRow`: what was written ends with a whole row. */
  { error: unknown; isAtRow: boolean } | { cut: StreamOutcome };

/** What ends the work behind the rows, and does not fail in it, may leave a piece of a chunk behind. */
const isAtRow = (error: unknown, { signal }: AbortController): boolean =>
  !signal.aborted && !(error instanceof ConnectorError && error.kind === 'crashed');

export type ReplyOutcome =
  | StreamOutcome
  /** The body was broken off, so that the reader sees a failure. */
  | ({ state: 'failed'; error: unknown } & Counts)
  /** The reader closed the connection. */
  | ({ state: 'left' } & Counts);

const STATE_TRAILER = 'Mooring-Stream';

const hasTrailers = ({ req }: ServerResponse): boolean => req.httpVersion !== '1.0';

/** A proxy on the way may drop trailers, and does unless somebody has asked for them (RFC 9110, section 6.5.1). */
const wantsTrailers = (response: ServerResponse): boolean =>
  hasTrailers(response) && /(?:^|,)\s*trailers\s*(?:,|$)/i.test(String(response.req.headers['te'] ?? ''));

/** How long a reader may take for the last words of a body that breaks off. */
const LAST_WORDS_MS = 2000;

/**
 * Breaks off with a reason, which an end of the response would drop while its reader is slow. A reader without chunks
 * knows the end by a reset alone, which would be lost together with more bytes.
 */
async function breakOffSaying(response: ServerResponse, words: Uint8Array | undefined): Promise<void> {
  if (words !== undefined && words.length > 0 && hasTrailers(response) && !response.destroyed) {
    await new Promise<void>((resolve) => {
      const timer = after(LAST_WORDS_MS, resolve);
      const settle = () => {
        clearTimeout(timer);
        resolve();
      };
      response.once('close', settle);
      response.write(words, settle);
    });
  }
  breakOff(response);
}

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

/** The reader takes nothing. */
class Stalled extends ConnectorError {
  constructor(seconds: number) {
    super('timeout', `The reader took nothing for ${seconds} seconds.`);
  }
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
  const stalled = () => end(new Stalled(idleSeconds));
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

async function finish(reply: RowReply, outcome: StreamOutcome, patience: Patience): Promise<void> {
  const { response } = reply;
  if (outcome.state === 'truncated' && !wantsTrailers(response)) {
    return breakOffSaying(response, reply.lastWords?.({ cut: outcome }));
  }
  if (hasTrailers(response)) {
    const state = outcome.cap ? `${outcome.state};cap=${outcome.cap}` : outcome.state;
    response.addTrailers({ [STATE_TRAILER]: state });
  }
  response.end();
  await taken(response, 'finish', patience);
}

/**
 * Answers with the rows as a chunked body, at the pace of the reader. The trailer `Mooring-Stream` ends it with
 * `complete`; a failure breaks it off without the last chunk, and so does a cut, unless the reader has asked for
 * trailers, which then say `truncated;cap=rows|bytes|time`. A reader on HTTP/1.0, which has neither chunks nor trailers,
 * gets a reset connection. What else is broken off ends with `lastWords`.
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
    await finish(reply, next.value, patience);
    return next.value;
  } catch (error) {
    response.off('close', onClose);
    const ending = { error, isAtRow: isAtRow(error, stop) };
    end(error);
    // Who may not have another byte gets no reason either, and who has stopped to read would not get it.
    if (response.headersSent && stop.signal.reason === rightGone) breakOff(response, true);
    else if (response.headersSent && !hasLeft && !(error instanceof Stalled))
      await breakOffSaying(response, reply.lastWords?.(ending));
    else if (response.headersSent) breakOff(response);
    await leave(chunks);
    if (!response.headersSent) throw error;
    return hasLeft ? { state: 'left', ...counts() } : { state: 'failed', error, ...counts() };
  } finally {
    response.off('close', onClose);
    stop.signal.removeEventListener('abort', onStop);
  }
}
