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
