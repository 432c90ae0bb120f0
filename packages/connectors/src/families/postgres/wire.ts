// Connects a `pg` client through the gate's socket only.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import type { Network } from '../../interface/network.js';
import { settledWithin } from '../../kit/deadline.js';
import { createFrameGuard, type FrameGuard, signInBudget } from '../../kit/frame-guard.js';
import { postgresFrames } from './frames.js';

/** The driver's options without the socket, and the matching start-up message. */
export interface PostgresOptions {
  /** Sets every option that `pg` would otherwise take from the environment (PGHOST, PGSSLMODE, …). */
  client: Omit<pg.ClientConfig, 'password'> & { host: string; port: number; password: () => string };
  /**
   * All parameters of the start-up message: `pg` would add PGOPTIONS and PGREPLICATION to its own.
   * Source: PostgreSQL documentation, "Message Formats", StartupMessage.
   */
  startup: Readonly<Record<string, string>>;
}

/** The gate's socket is already connecting; `pg` would dial a second time. */
export function dial(network: Network, options: PostgresOptions): Socket {
  const { host, port } = options.client;
  const socket = network.socket({ host, port });
  return Object.assign(socket, { connect: () => socket });
}

/** An unconnected client; `socket` comes from `dial`. */
export function createClient(
  options: PostgresOptions,
  socket: Socket,
): { client: pg.Client; guard: FrameGuard } {
  const client = new pg.Client({ ...options.client, stream: () => socket });
  Object.assign(client, { getStartupConf: () => options.startup });
  return { client, guard: guardConnection(client.connection as WireConnection) };
}

/** How long a server may take to close the connection of a cancel. */
const CANCEL_MS = 1_000;

/** Members of the driver's objects that its typings omit. */
export interface CancelKey {
  processID: number | null;
  secretKey: number | null;
}
interface WireConnection extends pg.Connection {
  connect(port: number, host: string): void;
  /** Reads messages from a plaintext stream: the socket, or TLS on top of it. */
  attachListeners(stream: Pick<EventEmitter, 'on'>): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/**
 * Puts a guard in front of the driver's parser. An error in the guard, or in the driver's handling of a message, ends
 * only this connection. Before TLS the driver reads one byte, which needs no guard.
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
 * Asks the server to cancel the running statement, over a separate connection with the same TLS settings.
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
  await settledWithin(closed, CANCEL_MS);
  socket.destroy();
}
