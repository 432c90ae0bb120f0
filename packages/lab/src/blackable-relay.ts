import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay in front of a source. As a black hole it accepts connections and never answers. */
export interface BlackableRelay {
  port: number;
  isBlack: boolean;
  /** Open connections, and all connections since the start. */
  openCount(): number;
  count(): number;
  /** Peak of open connections since the last call. */
  takePeak(): number;
  /** Bytes read from the source so far. */
  answeredBytes(): number;
  close(): Promise<void>;
}

export async function startBlackableRelay(target: { host: string; port: number }): Promise<BlackableRelay> {
  const clients = new Set<Socket>();
  let count = 0;
  let peak = 0;
  let answeredBytes = 0;
  const server = createServer((client) => {
    clients.add(client);
    count += 1;
    peak = Math.max(peak, clients.size);
    client.on('error', () => undefined).once('close', () => clients.delete(client));
    if (relay.isBlack) return void client.resume();
    const source = connect(target.port, target.host);
    source.on('error', () => client.destroy()).once('close', () => client.destroy());
    client.once('close', () => source.destroy());
    source.on('data', (chunk: Buffer) => {
      answeredBytes += chunk.length;
    });
    client.pipe(source).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: BlackableRelay = {
    port: (server.address() as AddressInfo).port,
    isBlack: false,
    openCount: () => clients.size,
    count: () => count,
    takePeak() {
      const taken = peak;
      peak = clients.size;
      return taken;
    },
    answeredBytes: () => answeredBytes,
    async close() {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return relay;
}
