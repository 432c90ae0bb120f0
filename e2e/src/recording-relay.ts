import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** A TCP relay to another local port that records both directions. */
export interface RecordingRelay {
  port: number;
  /** Bytes sent by each connection so far, in order of connection. */
  sent(): readonly Buffer[];
  /** Bytes returned to each of them. */
  answered(): readonly Buffer[];
  /** Login names of PostgreSQL's startup messages so far (protocol 3.0, message format "StartupMessage"). */
  logins(): readonly string[];
  close(): Promise<void>;
}

function loginIn(sent: Buffer): string[] {
  // Length and version come first, then names and values, each ended by a zero byte.
  const words = sent.subarray(8).toString('latin1').split('\0');
  const at = words.indexOf('user');
  return at % 2 === 0 ? [words[at + 1] ?? ''] : [];
}

export async function startRecordingRelay(targetPort: number): Promise<RecordingRelay> {
  const recorded: { sent: Buffer[]; answered: Buffer[] }[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const record: (typeof recorded)[number] = { sent: [], answered: [] };
    recorded.push(record);
    const upstream = createConnection({ host: '127.0.0.1', port: targetPort });
    client.on('data', (chunk: Buffer) => record.sent.push(chunk));
    upstream.on('data', (chunk: Buffer) => record.answered.push(chunk));
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.once('close', () => open.delete(socket));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sent = () => recorded.map((record) => Buffer.concat(record.sent));
  return {
    port: (server.address() as AddressInfo).port,
    sent,
    answered: () => recorded.map((record) => Buffer.concat(record.answered)),
    logins: () => sent().flatMap(loginIn),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
