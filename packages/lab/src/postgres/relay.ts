import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay before a database, whose wire can be frozen, or cut at a commit. */
export interface DatabaseRelay {
  port: number;
  /** Nothing goes through, in either direction, until `thaw`; connections are accepted and stay silent. */
  freeze(): void;
  /** Freezes when bytes with this text are about to reach the database; they arrive after `thaw`. */
  freezeAt(text: string): void;
  /** Connections that come from now on stay silent until `thaw`; those that there are go on. */
  freezeNewcomers(): void;
  /** A connection that sends this text stays silent from then on until `thaw`; the others go on. */
  freezeWhoSends(text: string): void;
  /** Every connection is cut, and who comes is turned away, until `thaw`: a server that was killed. */
  cut(): void;
  thaw(): void;
  /** The next commit of what has this text reaches the database, and its connection is cut before the answer comes back. */
  cutAtCommit(text: string): void;
  /** The connection is cut when bytes with this text are about to reach the database, which they do not. */
  cutBefore(text: string): void;
  /** Calls `work` once bytes with this text have been sent on to the database, before anything comes back. */
  whenAsked(text: string, work: () => void): void;
  /** The next new session is ended by an administrator in the very packet that says it is ready. */
  endWhenReady(): void;
  close(): Promise<void>;
}

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
