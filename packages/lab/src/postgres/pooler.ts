import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Stands before a database as a pooler in transaction mode with a reset after each transaction does: whenever a
 * transaction is over, the connection is as fresh as if it were another.
 */
export interface TransactionPooler {
  port: number;
  /** Names of the settings that a client left behind it, by transaction. */
  leftBehind(): readonly string[];
  close(): Promise<void>;
}

const READY = 'Z'.charCodeAt(0);
const ROW = 'D'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);

const settings =
  "select coalesce(string_agg(name, ' '), '') from pg_catalog.pg_settings where source = 'session'";

function query(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Whole messages of a server, each as it comes in. */
function onMessages(socket: Socket, take: (message: Buffer) => void): void {
  let left = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 5 && left.length > left.readInt32BE(1)) {
      const end = 1 + left.readInt32BE(1);
      take(left.subarray(0, end));
      left = left.subarray(end);
    }
  });
}

function pool(client: Socket, server: Socket, left: string[]): void {
  const waiting: Buffer[] = [];
  let heldBack: Buffer | undefined;
  client.on('data', (chunk) => server.write(chunk)).on('close', () => server.destroy());
  server.on('close', () => client.destroy());
  onMessages(server, (message) => {
    const isReady = message[0] === READY;
    if (heldBack) {
      // One value of text, behind the counts of fields and of its bytes.
      if (message[0] === ROW) left.push(message.toString('utf8', 11));
      if (!isReady) return;
      const next = waiting.shift();
      if (next) return void server.write(next);
      client.write(heldBack);
      heldBack = undefined;
    } else if (isReady && message[5] === IDLE) {
      heldBack = Buffer.from(message);
      waiting.push(query('discard all'));
      server.write(query(settings));
    } else client.write(message);
  });
}

export async function startTransactionPooler(target: {
  host: string;
  port: number;
}): Promise<TransactionPooler> {
  const left: string[] = [];
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(target);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    pool(client, server, left);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    leftBehind: () => left.filter((names) => names !== ''),
    async close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
