// How a `pg` client is made to talk through the gate's socket, and through nothing else.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import { settledWithin } from '../../kit/deadline.js';
import { createFrameGuard, type FrameGuard, signInBudget } from '../../kit/frame-guard.js';
import type { Network } from '../../spec/network.js';
import { postgresFrames } from './frames.js';

/** The driver's options, without the socket, and the start-up message that goes with them. */
export interface PostgresOptions {
  /** Every option that `pg` would otherwise take from the environment (PGHOST, PGSSLMODE, …) is set. */
  client: Omit<pg.ClientConfig, 'password'> & { host: string; port: number; password: () => string };
  /**
   * The parameters of the start-up message, complete: `pg` would add PGOPTIONS and PGREPLICATION to its own.
   * Source: PostgreSQL documentation, "Message Formats", StartupMessage.
   */
  startup: Readonly<Record<string, string>>;
}

/** Time that the server gets to say goodbye, or to take note of a cancel, before its socket is destroyed. */
export const GOODBYE_MS = 1_000;

/** The gate's socket connects on its own; `pg` would dial a second time. */
export function dial(network: Network, options: PostgresOptions): Socket {
  const { host, port } = options.client;
  const socket = network.socket({ host, port });
  return Object.assign(socket, { connect: () => socket });
}

/** A client that has not connected yet; `socket` comes from `dial`. */
export function createClient(
  options: PostgresOptions,
  socket: Socket,
): { client: pg.Client; guard: FrameGuard } {
  const client = new pg.Client({ ...options.client, stream: () => socket });
  Object.assign(client, { getStartupConf: () => options.startup });
  return { client, guard: guardConnection(client.connection as WireConnection) };
}

/** Members of the driver's objects that its typings leave out. */
export interface CancelKey {
  processID: number | null;
  secretKey: number | null;
}
interface WireConnection extends pg.Connection {
  connect(port: number, host: string): void;
  /** Reads messages from a stream in clear: the socket, or TLS over it. */
  attachListeners(stream: Pick<EventEmitter, 'on'>): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/**
 * Puts a guard before the driver's parser. What goes wrong in it, or in whatever the driver does with a message, ends
 * this connection and nothing else. Before TLS the driver takes one byte, which needs no guard.
 */
function guardConnection(connection: WireConnection): FrameGuard {
  const attach = connection.attachListeners.bind(connection);
  const checked = new EventEmitter();
  const guard = createFrameGuard({
    format: postgresFrames(),
    budget: signInBudget(),
    deliver: (messages) => checked.emit('data', messages),
    fail: (error) => connection.stream.destroy(error as Error),
  });
  connection.attachListeners = (stream) => {
    stream.on('data', guard.receive);
    attach(checked);
  };
  return guard;
}

/**
 * Asks the server to stop the running statement, over a connection of its own and under the same TLS.
 * Source: PostgreSQL documentation, "Canceling Requests in Progress". Never rejects.
 */
export async function requestCancel(
  network: Network,
  options: PostgresOptions,
  key: CancelKey,
): Promise<void> {
  const { processID, secretKey } = key;
  if (processID === null || secretKey === null) return;
  const socket = dial(network, options);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const { ssl, port, host } = options.client;
  const connection = new pg.Connection({ stream: () => socket, ssl }) as WireConnection;
  guardConnection(connection);
  const send = () => connection.cancel(processID, secretKey);
  connection.on('error', () => socket.destroy());
  connection.once('connect', () => (ssl ? connection.requestSsl() : send()));
  connection.once('sslconnect', send);
  connection.connect(port, host);
  await settledWithin(closed, GOODBYE_MS);
  socket.destroy();
}
