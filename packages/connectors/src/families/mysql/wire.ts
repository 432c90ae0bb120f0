// How a `mysql2` connection is made to talk through the gate's socket, and through nothing else.
import { isIP, type Socket } from 'node:net';
import mysql from 'mysql2';
import { settledWithin } from '../../kit/deadline.js';
import { ConnectorError } from '../../spec/errors.js';
import type { Network } from '../../spec/network.js';

/** The driver's options, without the socket. */
export type MySqlOptions = Omit<mysql.ConnectionOptions, 'stream' | 'uri' | 'socketPath'> & {
  host: string;
  port: number;
};

/** Time that the server gets to say goodbye, or to take note of a cancel, before its socket is destroyed. */
export const GOODBYE_MS = 1_000;

/** A connection on its way, with what the driver's typings leave out. */
export interface Wire {
  connection: mysql.Connection;
  socket: Socket;
  /** What rows arrive on: the TLS stream where there is one. */
  stream(): Socket;
  /** Destroys everything at once. */
  destroy(error?: Error): void;
}

/**
 * A server may answer any statement with the wish for a file of ours (LOCAL INFILE). The capability is not
 * offered; a server that asks all the same loses its connection (case D04).
 */
function refuseFile(): never {
  throw new ConnectorError('protocol_error', 'The server asked for a file of this machine.');
}

/** Begins to connect; nothing is awaited. */
export function dial(network: Network, options: MySqlOptions): Wire {
  const { host, port } = options;
  const socket = network.socket({ host, port });
  // The driver names no host for an IP address, and Node then checks the certificate against this name.
  if (isIP(host)) Object.assign(socket, { _host: host });
  const connection = mysql.createConnection({ ...options, infileStreamFactory: refuseFile, stream: socket });
  // Failures reach whoever waits for an answer; without a listener Node would end the process.
  connection.on('error', () => undefined);
  const stream = () => Reflect.get(connection, 'stream') as Socket;
  const destroy = (error?: Error) => {
    stream().destroy(error);
    socket.destroy();
  };
  return { connection, socket, stream, destroy };
}

/** Runs work of the driver that answers through a callback, and ends with the connection at the latest. */
export function answered<Result>(
  connection: mysql.Connection,
  start: (callback: (error: Error | null, result: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown) => settle(() => reject(error));
    const settle = (act: () => void) => {
      connection.off('error', onError);
      act();
    };
    connection.on('error', onError);
    start((error, result) => settle(() => (error ? reject(error) : resolve(result))));
  });
}

/** Runs one fixed statement of ours. */
export function command(connection: mysql.Connection, sql: string): Promise<unknown> {
  return answered(connection, (callback) => connection.query(sql, callback));
}

/** Waits for the sign-in. */
export function signedIn(connection: mysql.Connection): Promise<unknown> {
  return answered(connection, (callback) => connection.connect((error) => callback(error, undefined)));
}

/**
 * Makes the server give up the running statement (`query`) or the whole session (`connection`), over a
 * connection of its own: MySQL notices a closed socket only when it next writes. Never rejects.
 */
export async function kill(
  network: Network,
  options: MySqlOptions,
  what: { kind: 'query' | 'connection'; threadId: number },
): Promise<void> {
  const wire = dial(network, options);
  const work = signedIn(wire.connection).then(() =>
    command(wire.connection, `kill ${what.kind} ${Math.trunc(what.threadId)}`),
  );
  await settledWithin(work, GOODBYE_MS);
  wire.destroy();
}
