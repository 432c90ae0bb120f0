import { createServer, type Socket } from 'node:net';

/** A TCP server on loopback that does as it is told: for hostile, silent and broken sources. */
export interface FakeServer {
  host: '127.0.0.1';
  port: number;
  /** Everything that clients sent, over all connections. */
  received(): Buffer;
  close(): Promise<void>;
}

/** @param serve called with each connection; it may write at once and listen to `data`. */
export async function startFakeServer(serve: (socket: Socket) => void): Promise<FakeServer> {
  const chunks: Buffer[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => chunks.push(chunk));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of open) socket.destroy();
      server.close(() => resolve());
    });
  return { host: '127.0.0.1', port: address.port, received: () => Buffer.concat(chunks), close };
}
