import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveQuestions, taskOf } from './serve-questions.js';

// node:http that answers every request with bytes recorded from Mooring.

const { headers, body } = taskOf<{ headers: OutgoingHttpHeaders; body: string }>();

const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  serveQuestions(async () => ({}), { port: (server.address() as AddressInfo).port });
});
