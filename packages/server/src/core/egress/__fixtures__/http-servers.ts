import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { createGate, type Gate, type GateOptions } from '../gate.js';
import { createPolicy } from '../policy.js';
import { listen } from './canary.js';

/** A gate that reaches 127.0.0.1 and no other address of this machine. */
export function buildGate(options: Omit<GateOptions, 'policy'> = {}): Gate {
  const policy = createPolicy({ allow: ['127.0.0.1'], loopback: 'deny', isOfThisMachine: false });
  return createGate({ policy, ...options });
}

/** An HTTP server that answers with `respond` and remembers the requests. */
export async function startHttp(respond: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    respond(request, response);
  });
  const { port, stop } = await listen(server);
  return { url: `http://127.0.0.1:${port}`, port, seen, [Symbol.asyncDispose]: stop };
}

/** A server that answers every request with these bytes. */
export async function startRaw(answer: string, end = true) {
  const server = createTcpServer((socket) => {
    socket.once('data', () => (end ? socket.end(answer) : socket.write(answer)));
  });
  const { port, stop } = await listen(server);
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

/** A server that begins every answer with `start` and repeats these bytes without end: at most 256 MiB. */
export async function startEndless(start: string, piece: string) {
  const bytesMax = 256 * 1024 * 1024;
  const pieces = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  let sent = 0;
  const server = createTcpServer((socket) => {
    const more = () => {
      while (!socket.destroyed && sent < bytesMax) {
        sent += pieces.length;
        if (!socket.write(pieces)) return;
      }
    };
    socket.on('error', () => undefined).on('drain', more);
    socket.once('data', () => {
      socket.write(start);
      more();
    });
  });
  const { port, stop } = await listen(server);
  return { port, url: `http://127.0.0.1:${port}`, sent: () => sent, [Symbol.asyncDispose]: stop };
}

const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
/** How an answer begins, and what it then repeats. */
export const endlessAnswers: readonly (readonly [title: string, start: string, piece: string])[] = [
  ['continuations', '', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['early hints', '', 'HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n'],
  ['headers', 'HTTP/1.1 200 OK\r\n', 'x-a: a\r\n'],
  ['empty headers', 'HTTP/1.1 200 OK\r\n', 'a:\r\n'],
  ['one status line', 'HTTP/1.1 200 ', 'a'],
  ['trailers', `${chunked}1\r\na\r\n0\r\n`, 'x-a: a\r\n'],
  ['extensions of a chunk', `${chunked}1;`, 'a=b;'],
];
