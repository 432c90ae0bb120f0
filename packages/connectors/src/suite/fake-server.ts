import { createServer, type Socket } from 'node:net';

/** A scripted TCP server on loopback, for hostile, silent and broken sources. */
export interface FakeServer {
  host: '127.0.0.1';
  port: number;
  /** Everything that clients sent, over all connections. */
  received(): Buffer;
  /** Bytes sent to clients over all connections, including those in flight. */
  sent(): number;
  close(): Promise<void>;
}

/** @param serve called for each connection; it may write immediately and listen to `data` */
export async function startFakeServer(serve: (socket: Socket) => void): Promise<FakeServer> {
  const chunks: Buffer[] = [];
  const open = new Set<Socket>();
  let sentBefore = 0;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => {
      open.delete(socket);
      sentBefore += socket.bytesWritten;
    });
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
  const sent = () => [...open].reduce((bytes, { bytesWritten }) => bytes + bytesWritten, sentBefore);
  return { host: '127.0.0.1', port: address.port, received: () => Buffer.concat(chunks), sent, close };
}

/** Far more than any budget of a connection. */
const FLOOD_BYTES = 256 * 1_048_576;

/** Writes a piece repeatedly, as fast as the client reads, until the client leaves or 256 MiB are written. */
export function flood(socket: Socket, piece: Buffer): void {
  const pieces = Buffer.alloc(Math.max(1, Math.floor(65_536 / piece.length)) * piece.length, piece);
  let written = 0;
  const more = () => {
    while (!socket.destroyed && written < FLOOD_BYTES) {
      written += pieces.length;
      if (!socket.write(pieces)) return;
    }
  };
  socket.on('drain', more);
  more();
}
