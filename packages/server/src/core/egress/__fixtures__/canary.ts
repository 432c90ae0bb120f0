import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface Canary extends AsyncDisposable {
  port: number;
  /** TCP connections that arrived. */
  connections(): number;
}

/** A listener on every local address, of both families, that counts connections and sends nothing. */
export async function startCanary(): Promise<Canary> {
  let connections = 0;
  const server = createServer(() => {
    connections += 1;
  });
  const { port, stop } = await listen(server, '::');
  return { port, connections: () => connections, [Symbol.asyncDispose]: stop };
}

/** Starts any server on a free port; `stop` also closes its open connections. */
export async function listen(
  server: Server,
  host = '127.0.0.1',
): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen({ port: 0, host });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return {
    port: address.port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The error a socket ends with. @throws Error when it connects instead. */
export function failureOf(socket: Socket): Promise<Error> {
  return new Promise((resolve, reject) => {
    socket.once('error', resolve).once('connect', () => {
      socket.destroy();
      reject(new Error('It connected.'));
    });
  });
}

/** The error a promise rejects with. @throws Error when it resolves instead. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('It succeeded.');
}
