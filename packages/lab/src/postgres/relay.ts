import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay in front of a database. Tests freeze its connections, or cut them at a commit. */
export interface DatabaseRelay {
  port: number;
  /** Holds all bytes in both directions until `thaw`. New connections are accepted and stay silent. */
  freeze(): void;
  /** Freezes when bytes with this text are about to reach the database; they arrive after `thaw`. */
  freezeAt(text: string): void;
  /** Keeps new connections silent until `thaw`; existing ones continue. */
  freezeNewcomers(): void;
  /** Freezes each connection that sends this text, until `thaw`; the others continue. */
  freezeWhoSends(text: string): void;
  /** Closes every connection and rejects new ones until `thaw`: a killed server. */
  cut(): void;
  thaw(): void;
  /** The next commit of a transaction with this text reaches the database; the connection is cut before the answer. */
  cutAtCommit(text: string): void;
  /** Cuts the connection when bytes with this text are about to reach the database, and drops them. */
  cutBefore(text: string): void;
  /** Calls `work` once bytes with this text were sent to the database, before any answer. */
  whenAsked(text: string, work: () => void): void;
  /** Ends the next new session as an administrator would, in the packet that says it is ready. */
  endWhenReady(): void;
  close(): Promise<void>;
}

/** What tests have asked of the relay. Except for `freezesWhoSends`, a text is cleared when it was seen. */
interface Orders {
  isFrozen: boolean;
  freezesNewcomers: boolean;
  isDown: boolean;
  endsWhenReady: boolean;
  cutsAtCommitOf?: string | undefined;
  freezesAt?: string | undefined;
  freezesWhoSends?: string | undefined;
  cutsBefore?: string | undefined;
  asked?: { text: string; work(): void } | undefined;
}

type Pair = readonly [client: Socket, database: Socket];

/** ReadyForQuery of an idle session, https://www.postgresql.org/docs/current/protocol-message-formats.html */
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** ErrorResponse of a session that an administrator has ended. */
function adminShutdown(): Buffer {
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** Clears the order if the bytes have its text. @returns whether they have */
function meets(orders: Orders, order: 'cutsBefore' | 'freezesAt' | 'cutsAtCommitOf', bytes: Buffer): boolean {
  const text = orders[order];
  if (text === undefined || !bytes.includes(text)) return false;
  orders[order] = undefined;
  return true;
}

/** Relays between the two sockets, and calls `end` when the connection is to be cut. */
function relay([client, database]: Pair, orders: Orders, { end, freeze }: { end(): void; freeze(): void }) {
  let isCut = false;
  let isToBeCut = false;
  client.on('data', (bytes) => {
    if (meets(orders, 'cutsBefore', bytes)) return end();
    if (meets(orders, 'freezesAt', bytes)) {
      freeze();
      client.unshift(bytes);
      return;
    }
    if (orders.freezesWhoSends !== undefined && bytes.includes(orders.freezesWhoSends)) {
      client.pause();
      database.pause();
      client.unshift(bytes);
      return;
    }
    if (meets(orders, 'cutsAtCommitOf', bytes)) isToBeCut = true;
    if (isToBeCut && bytes.includes('commit')) isCut = true;
    database.write(bytes);
    if (orders.asked && bytes.includes(orders.asked.text)) {
      const { work } = orders.asked;
      orders.asked = undefined;
      work();
    }
  });
  database.on('data', (bytes) => {
    if (isCut) return end();
    if (orders.endsWhenReady && bytes.includes(readyForQuery)) {
      orders.endsWhenReady = false;
      client.end(Buffer.concat([bytes, adminShutdown()]));
      return;
    }
    client.write(bytes);
  });
}

/** @param listenAt 0: a free port */
export async function startDatabaseRelay(
  target: { host: string; port: number },
  listenAt = 0,
): Promise<DatabaseRelay> {
  const pairs = new Set<Pair>();
  const orders: Orders = { isFrozen: false, freezesNewcomers: false, isDown: false, endsWhenReady: false };
  const each = (work: (socket: Socket) => void) => {
    for (const pair of pairs) pair.forEach(work);
  };
  const freeze = () => {
    orders.isFrozen = true;
    each((socket) => socket.pause());
  };

  const server = createServer((client) => {
    if (orders.isDown) {
      client.on('error', () => undefined).destroy();
      return;
    }
    const pair: Pair = [client, connect(target.port, target.host)];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    relay(pair, orders, { end, freeze });
    for (const socket of pair) {
      socket.on('error', end);
      socket.on('close', end);
      if (orders.isFrozen || orders.freezesNewcomers) socket.pause();
    }
  });
  server.listen(listenAt, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    freeze,
    freezeAt(text) {
      orders.freezesAt = text;
    },
    freezeNewcomers() {
      orders.freezesNewcomers = true;
    },
    freezeWhoSends(text) {
      orders.freezesWhoSends = text;
    },
    cut() {
      orders.isDown = true;
      each((socket) => socket.destroy());
    },
    thaw() {
      Object.assign(orders, { isDown: false, isFrozen: false, freezesNewcomers: false });
      orders.freezesWhoSends = undefined;
      each((socket) => socket.resume());
    },
    cutAtCommit(text) {
      orders.cutsAtCommitOf = text;
    },
    cutBefore(text) {
      orders.cutsBefore = text;
    },
    whenAsked(text, work) {
      orders.asked = { text, work };
    },
    endWhenReady() {
      orders.endsWhenReady = true;
    },
    async close() {
      each((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}
