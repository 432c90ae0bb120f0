import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay for a database that can freeze the connection, or cut it at a commit. */
export interface DatabaseRelay {
  port: number;
  /** Blocks both directions until `thaw`; connections are accepted and stay silent. */
  freeze(): void;
  /** Freezes when bytes with this text are about to reach the database; they arrive after `thaw`. */
  freezeAt(text: string): void;
  /** New connections stay silent until `thaw`; existing ones continue. */
  freezeNewcomers(): void;
  /** A connection that sends this text stays silent until `thaw`; others continue. */
  freezeWhoSends(text: string): void;
  /** Cuts all connections and refuses new ones until `thaw`, like a killed server. */
  cut(): void;
  thaw(): void;
  /** The next commit of a transaction with this text reaches the database; its connection is cut before the answer. */
  cutAtCommit(text: string): void;
  /** Cuts the connection instead of forwarding bytes with this text. */
  cutBefore(text: string): void;
  /** Calls `work` after forwarding bytes with this text, before any answer. */
  whenAsked(text: string, work: () => void): void;
  /** An administrator ends the next new session in the same packet as its ReadyForQuery. */
  endWhenReady(): void;
  close(): Promise<void>;
}

/** ReadyForQuery of an idle session, https://www.postgresql.org/docs/current/protocol-message-formats.html */
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** ErrorResponse of a session ended by an administrator. */
function adminShutdown(): Buffer {
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** @param listenAt 0: a free port */
export async function startDatabaseRelay(
  target: { host: string; port: number },
  listenAt = 0,
): Promise<DatabaseRelay> {
  const pairs = new Set<[Socket, Socket]>();
  let isFrozen = false;
  let freezesNewcomers = false;
  let isDown = false;
  let cutsAtCommitOf: string | undefined;
  let freezesAt: string | undefined;
  let freezesWhoSends: string | undefined;
  let cutsBefore: string | undefined;
  let endsWhenReady = false;
  let asked: { text: string; work(): void } | undefined;
  const each = (work: (socket: Socket) => void) => {
    for (const pair of pairs) pair.forEach(work);
  };
  const freeze = () => {
    isFrozen = true;
    each((socket) => socket.pause());
  };

  const server = createServer((client) => {
    if (isDown) {
      client.on('error', () => undefined).destroy();
      return;
    }
    const database = connect(target.port, target.host);
    const pair: [Socket, Socket] = [client, database];
    pairs.add(pair);
    let isCut = false;
    let isToBeCut = false;
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      database.destroy();
    };
    client.on('data', (bytes) => {
      if (cutsBefore !== undefined && bytes.includes(cutsBefore)) {
        cutsBefore = undefined;
        return end();
      }
      if (freezesAt !== undefined && bytes.includes(freezesAt)) {
        freezesAt = undefined;
        freeze();
        client.unshift(bytes);
        return;
      }
      if (freezesWhoSends !== undefined && bytes.includes(freezesWhoSends)) {
        for (const socket of pair) socket.pause();
        client.unshift(bytes);
        return;
      }
      if (cutsAtCommitOf !== undefined && bytes.includes(cutsAtCommitOf)) {
        cutsAtCommitOf = undefined;
        isToBeCut = true;
      }
      if (isToBeCut && bytes.includes('commit')) isCut = true;
      database.write(bytes);
      if (asked && bytes.includes(asked.text)) {
        const { work } = asked;
        asked = undefined;
        work();
      }
    });
    database.on('data', (bytes) => {
      if (isCut) return end();
      if (endsWhenReady && bytes.includes(readyForQuery)) {
        endsWhenReady = false;
        client.end(Buffer.concat([bytes, adminShutdown()]));
        return;
      }
      client.write(bytes);
    });
    for (const socket of pair) {
      socket.on('error', end);
      socket.on('close', end);
      if (isFrozen || freezesNewcomers) socket.pause();
    }
  });
  server.listen(listenAt, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    freeze,
    freezeAt(text) {
      freezesAt = text;
    },
    freezeNewcomers() {
      freezesNewcomers = true;
    },
    freezeWhoSends(text) {
      freezesWhoSends = text;
    },
    cut() {
      isDown = true;
      each((socket) => socket.destroy());
    },
    thaw() {
      isDown = false;
      isFrozen = false;
      freezesNewcomers = false;
      freezesWhoSends = undefined;
      each((socket) => socket.resume());
    },
    cutAtCommit(text) {
      cutsAtCommitOf = text;
    },
    cutBefore(text) {
      cutsBefore = text;
    },
    whenAsked(text, work) {
      asked = { text, work };
    },
    endWhenReady() {
      endsWhenReady = true;
    },
    async close() {
      each((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}
