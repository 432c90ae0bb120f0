import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { after } from '@mooring/connectors/kit/deadline';
import { abortFailure, readEnded, rightGone, type StreamOutcome } from './caps.js';
import type { Counts, Encoded } from './encoded-rows.js';
import { contentTypeOf, type ReadFormat } from './media-type.js';

export interface RowReply {
  /** Must be untouched: nothing written, no status and headers set. */
  response: ServerResponse;
  rows: Encoded;
  format: ReadFormat;
  /** Idle timeout of the reader. */
  idleSeconds: number;
  /**
   * Controls the work behind the rows. Aborted when the reader leaves or stalls and on every failure; an external
   * abort ends the reply as failed, with its reason.
   */
  stop: AbortController;
  /**
   * Called once, with the first batch and before a byte is written: for the usage log, and for more headers. With a
   * `Content-Length` the body is not chunked, with a `Content-Range` the status is 206. When it throws, nothing is sent.
   */
  beforeHead?: () => OutgoingHttpHeaders | Promise<OutgoingHttpHeaders>;
  /** End of a body that breaks off, so that its reader learns why. Empty: none. */
  lastWords?: (ending: BrokenEnding) => Uint8Array;
}

/** Why a body is incomplete. */
export type BrokenEnding =
  /** `isAtRow`: the output ends with a whole row. */
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

/** The body ends with a last chunk, which trailers follow; its lack shows that the body is incomplete. */
const isChunked = (response: ServerResponse): boolean =>
  response.req.httpVersion !== '1.0' && !response.hasHeader('Content-Length');

/** Only a reset shows that the body is incomplete. */
const isUnframed = (response: ServerResponse): boolean =>
  response.req.httpVersion === '1.0' && !response.hasHeader('Content-Length');

/** Proxies may drop trailers, and do unless the client has requested them (RFC 9110, section 6.5.1). */
const wantsTrailers = (response: ServerResponse): boolean =>
  isChunked(response) && /(?:^|,)\s*trailers\s*(?:,|$)/i.test(String(response.req.headers['te'] ?? ''));

/** How long a reader may take to read the error at the end of a body that breaks off. */
const LAST_WORDS_MS = 2000;

/**
 * Breaks off with a reason, which ending the response would drop for a slow reader. A reader without chunked encoding
 * notices only a reset, which would discard more bytes.
 */
async function breakOffSaying(response: ServerResponse, words: Uint8Array | undefined): Promise<void> {
  if (words !== undefined && words.length > 0 && isChunked(response) && !response.destroyed) {
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
 * Ends a body so that no reader takes it for complete: no last chunk, too few bytes, or a reset where neither counts.
 * @param atOnce a reset also discards what the system has buffered for a slow reader, perhaps megabytes
 */
function breakOff(response: ServerResponse, atOnce = false): void {
  const { socket } = response;
  if ((atOnce || isUnframed(response)) && socket?.destroyed === false) {
    try {
      socket.resetAndDestroy();
      // Without a reset it waits until the reader has taken the output.
      if (socket.writableLength > 0) socket.destroy();
      return;
    } catch {
      // Not a plain TCP socket; with TLS the reader notices the missing close_notify.
    }
  }
  response.destroy();
}

/** The reader has stalled. */
class Stalled extends ConnectorError {
  constructor(seconds: number) {
    super('timeout', `The reader took no data for ${seconds} seconds.`);
  }
}

/** Idle timeout of the reader, and what else ends the reply. */
interface Patience {
  idleSeconds: number;
  signal: AbortSignal;
  end(reason: unknown): void;
}

function throwIfEnded({ signal }: Patience): void {
  if (signal.aborted) throw abortFailure(signal);
}

/** Waits until the reader has taken the output. @throws ConnectorError `timeout`, or why it was ended */
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
  // Yield: a reader and a source that never block must not starve other requests.
  await nextTurn();
  throwIfEnded(patience);
}

/** The type of a return value that is never used. */
const leave = (chunks: Encoded['chunks']) => chunks.return(undefined as never);

function sendHead({ response, format }: RowReply, more: OutgoingHttpHeaders): void {
  for (const [name, value] of Object.entries(more)) if (value !== undefined) response.setHeader(name, value);
  response.setHeader('Content-Type', contentTypeOf(format));
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (isChunked(response)) response.setHeader('Trailer', STATE_TRAILER);
  response.writeHead(response.hasHeader('Content-Range') ? 206 : 200);
}

async function finish(reply: RowReply, outcome: StreamOutcome, patience: Patience): Promise<void> {
  const { response } = reply;
  if (outcome.state === 'truncated' && !wantsTrailers(response)) {
    return breakOffSaying(response, reply.lastWords?.({ cut: outcome }));
  }
  if (isChunked(response)) {
    const state = outcome.cap ? `${outcome.state};cap=${outcome.cap}` : outcome.state;
    response.addTrailers({ [STATE_TRAILER]: state });
  }
  response.end();
  await taken(response, 'finish', patience);
}

/**
 * Answers with the rows as a chunked body, at the pace of the reader. The trailer `Mooring-Stream` ends it with
 * `complete`; a failure breaks it off without the last chunk, and so does a truncation, unless the reader has
 * requested trailers, which then say `truncated;cap=rows|bytes|time`. A reader on HTTP/1.0, which has neither chunks
 * nor trailers, gets a reset connection. A body of known length has no trailer and just ends too early. Any other
 * incomplete body ends with `lastWords`.
 *
 * @throws failures before the first byte is sent (source, encoding, `beforeHead`, a reader that has left): the
 * response is untouched then and can still carry an error. Later failures are in the outcome.
 */
export async function sendRows(reply: RowReply): Promise<ReplyOutcome> {
  const { response, stop } = reply;
  // Separate from `stop`, because a source may be stopped while the reply continues to its regular end.
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
    // A reader that must not get another byte gets no reason, and a stalled one would not receive it.
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
