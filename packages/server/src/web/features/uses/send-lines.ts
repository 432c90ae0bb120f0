import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { timeLimit } from '@mooring/connectors/kit/deadline';
import type { FastifyReply } from 'fastify';
import { errorReply } from '../../../core/errors/error-answer.js';

/** Longest wait for a client that does not read. */
const stallMs = 60_000;

/**
 * Streams text with back-pressure. A failure before the first byte is thrown. A later one becomes the last line, and
 * the connection is destroyed, so that a partial answer never looks complete.
 */
export async function sendLines(reply: FastifyReply, chunks: AsyncGenerator<string>): Promise<void> {
  const { raw, request } = reply;
  let chunk = await chunks.next();
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  reply.hijack();
  const left = new AbortController();
  raw.once('close', () => left.abort());
  raw.writeHead(200, { ...headers, 'content-type': 'application/x-ndjson' });
  const drained = () =>
    once(raw, 'drain', { signal: AbortSignal.any([left.signal, timeLimit(stallMs)]) }).catch(() => {
      raw.destroy();
    });
  try {
    while (!chunk.done && !raw.destroyed) {
      if (!raw.write(chunk.value)) await drained();
      chunk = await chunks.next();
    }
    raw.end();
  } catch (error) {
    const [shown] = errorReply(error, request.id).body.errors;
    raw.write(`${JSON.stringify({ $mooring: { error: shown } })}\n`, () => raw.destroy());
  } finally {
    await chunks.return(undefined);
  }
}
