import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveQuestions, taskOf } from './serve-questions.js';

// node:http that answers every request with bytes recorded from Mooring, or with objects that it writes as JSON each time.

const { headers, body } = taskOf<{ headers: OutgoingHttpHeaders; body: string | object }>();

const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
});
server.listen(0, '127.0.0.1', () => {
  serveQuestions(async () => ({}), { port: (server.address() as AddressInfo).port });
});
