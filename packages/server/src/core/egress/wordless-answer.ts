// HTTP lets a server send without end and say nothing: interim answers, extensions of chunks, empty lines. Node and
// undici bound heads and trailers, and no more.
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { ConnectorError } from '@mooring/connectors/interface/errors';

/** Room for the largest head, and for what is on its way between the socket and the reader of a body. */
const WORDLESS_BYTES_MAX = 1024 * 1024;
const INTERIM_ANSWERS_MAX = 100;

/**
 * Ends a connection over which a mebibyte arrives without the head of the answer or a byte of its body.
 * @returns to be called for each of these
 */
export function boundWordlessBytes(socket: Socket): () => void {
  let heard = socket.bytesRead;
  socket.on('readable', () => {
    if (socket.bytesRead - heard > WORDLESS_BYTES_MAX) socket.destroy(wordless());
  });
  return () => {
    heard = socket.bytesRead;
  };
}

/** Ends a request that is answered with one interim answer (1xx) after the other. */
export function boundInterimAnswers(request: ClientRequest): void {
  let answers = 0;
  request.on('information', () => {
    answers += 1;
    if (answers > INTERIM_ANSWERS_MAX) request.destroy(wordless());
  });
}

function wordless(): ConnectorError {
  return new ConnectorError('protocol_error', 'The server sends without end and does not answer.');
}
