import { createServer, type Socket } from 'node:net';

/** A listener that must never be reached. */
export interface Canary {
  host: string;
  port: number;
  /** `http://host:port`. */
  url: string;
  /** TCP connections accepted since the start. */
  connections(): number;
  close(): Promise<void>;
}

/**
 * Counts TCP connections and resets each of them.
 * @param options.host 127.0.0.1 by default; another loopback address (127.0.0.2, ::1) for tests of spellings.
 */
export async function startCanary(options: { host?: string; port?: number } = {}): Promise<Canary> {
  const host = options.host ?? '127.0.0.1';
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    // A reset: some HTTP clients wait forever after a silent close.
    socket.resetAndDestroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The canary has no port');
  let closing: Promise<void> | undefined;
  return {
    host,
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    connections: () => count,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
      return closing;
    },
  };
}
