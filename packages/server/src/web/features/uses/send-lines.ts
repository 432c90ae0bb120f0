import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { timeLimit } from '@mooring/connectors/kit/deadline';
import type { FastifyReply } from 'fastify';
import { errorReply } from '../../../core/errors/error-answer.js';

/** Longest wait for a reader who takes nothing. */
const stallMs = 60_000;

/**
 * Sends text as it comes, as fast as it is read. A failure before the first byte is thrown; a later one is told in a
 * last line, and the answer ends abnormally, so that a part never looks whole.
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
