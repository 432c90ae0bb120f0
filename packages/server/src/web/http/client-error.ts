import type { Socket } from 'node:net';
import { newUuid } from '../../core/crypto/random.js';
import { AppError } from '../../core/errors/app-error.js';
import { errorReply, writeErrorBody } from '../../core/errors/error-answer.js';

function errorFor(code: string | undefined): AppError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('REQUEST-TIMEOUT', 'The request did not arrive completely in time.');
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('HEADERS-TOO-LARGE', 'All headers together may be at most 16 KiB.');
    default:
      return new AppError('DCERROR-0010', 'The request is not valid HTTP.');
  }
}

/**
 * Answers what is not a valid HTTP request, in the form of every other error, and closes the connection: after broken
 * framing, the start of the next request is unknown.
 * @param headers of every response, names in lower case
 */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
  headers: Readonly<Record<string, string>>,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const traceId = newUuid();
  const { status, body } = errorReply(errorFor(error.code), traceId);
  const text = writeErrorBody(body);
  const lines = Object.entries({
    ...headers,
    'x-request-id': traceId,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const { title } = body.errors[0] ?? { title: '' };
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${text}`, () => socket.destroy());
}

/** Translates errors of Fastify to those of the contract; returns any other value unchanged. */
export function translateFrameworkError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('BODY-TOO-LARGE', 'The body may be at most 1 MiB.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('UNSUPPORTED-MEDIA-TYPE', 'Send the body as application/json.');
    default:
      // Broken JSON, wrong content length, bad percent encoding: the client's fault, as the status says.
      return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
        ? new AppError('DCERROR-0010', 'The request cannot be read: broken JSON, encoding or length.')
        : error;
  }
}
