// Connects `mysql2` through the gate's socket only.
import { isIP, type Socket } from 'node:net';
import mysql from 'mysql2';
import { ConnectorError } from '../../interface/errors.js';
import type { Network } from '../../interface/network.js';
import type { Secret } from '../../interface/secret.js';
import { settledWithin } from '../../kit/deadline.js';
import {
  brokenFrame,
  createFrameGuard,
  type FrameFormat,
  type FrameGuard,
  signInBudget,
  statementBudget,
  type WireBudget,
} from '../../kit/frame-guard.js';
import { clearMySqlFrames, mySqlFrames } from './frames.js';

/** The driver's options without the socket, with the password still hidden: they are kept for a kill. */
export type MySqlOptions = Omit<mysql.ConnectionOptions, 'stream' | 'uri' | 'socketPath' | 'password'> & {
  host: string;
  port: number;
  password: Secret<string>;
};

/** A connection, established or not, with members that the driver's typings omit. */
export interface Wire {
  connection: mysql.Connection;
  socket: Socket;
  /** Where rows arrive: the TLS stream, if there is one. */
  stream(): Socket;
  /** Sets the budget for what the server may send next. */
  allow(budget: WireBudget): void;
  /** Whether the driver has read past the end of its current packet, so that its values do not belong to the packet. */
  hasOverread(): boolean;
  /** Destroys everything immediately. */
  destroy(error?: Error): void;
}

/** The driver caches row parsers for all connections of the process, each built from what its server chose. */
const ROW_PARSERS_MAX = 64;
mysql.setMaxParserCache(ROW_PARSERS_MAX);

/**
 * A server may answer any statement with a request for a local file (LOCAL INFILE). The capability is not offered; a
 * server that requests one anyway loses its connection (case D04).
 */
function refuseFile(): never {
  throw new ConnectorError('protocol_error', 'The server requested a local file from this machine.');
}

/** Starts to connect without waiting. */
export function dial(network: Network, options: MySqlOptions): Wire {
  const { host, port } = options;
  const socket = network.socket({ host, port });
  // For an IP address the driver passes no host name, and Node then checks the certificate against this name.
  if (isIP(host)) Object.assign(socket, { _host: host });
  const connection = mysql.createConnection({
    ...options,
    password: options.password.reveal(),
    infileStreamFactory: refuseFile,
    stream: socket,
  });
  // Failures reach the pending caller; without a listener, Node would end the process.
  connection.on('error', () => undefined);
  const stream = () => Reflect.get(connection, 'stream') as Socket;
  const destroy = (error?: Error) => {
    stream().destroy(error);
    socket.destroy();
  };
  const guarded = guardConnection(
    connection as unknown as DriverConnection,
    options.ssl !== undefined,
    destroy,
  );
  return { connection, socket, stream, destroy, ...guarded };
}

interface Packet {
  offset: number;
  end: number;
  sequenceId: number;
  peekByte(): number | undefined;
}

/** Members of the driver's connection that its typings omit. */
interface DriverConnection {
  stream: Socket;
  /** Sequence number of the next packet. */
  sequenceId: number;
  authorized: boolean;
  /** The command that waits for a response. */
  _command: unknown;
  packetParser: { execute(chunk: Buffer): void; onPacket?(packet: Packet): void };
}

const ERROR_PACKET = 0xff;

/**
 * Puts a guard in front of the driver's parser. An error in the guard, or in the driver's handling of a packet, ends
 * only this connection.
 */
function guardConnection(
  connection: DriverConnection,
  isTlsWanted: boolean,
  destroy: Wire['destroy'],
): Pick<Wire, 'allow' | 'hasOverread'> {
  const parser = connection.packetParser;
  const clear = connection.stream;
  const handle = parser.onPacket?.bind(parser);
  let latest: Packet | undefined;
  parser.onPacket = (packet) => {
    latest = packet;
    // The driver would log a line for each. A server's farewell has its own numbering.
    const isInOrder = packet.sequenceId === connection.sequenceId;
    if (!isInOrder && connection._command && packet.peekByte() !== ERROR_PACKET) throw brokenFrame();
    handle?.(packet);
    if (connection.authorized && packet.offset > packet.end) throw brokenFrame();
  };

  const budget = signInBudget();
  const guardOf = (format: FrameFormat): FrameGuard =>
    createFrameGuard({
      format,
      budget,
      deliver: (packets) => parser.execute(packets),
      fail: (error) => destroy(error as Error),
    });
  const beforeTls = isTlsWanted ? guardOf(clearMySqlFrames(addedBeforeTls)) : undefined;
  const guard = guardOf(mySqlFrames());
  connection.packetParser = {
    execute: (chunk) => (connection.stream === clear ? (beforeTls ?? guard) : guard).receive(chunk),
  };
  return {
    allow: guard.allow,
    hasOverread: () => latest !== undefined && latest.offset > latest.end,
  };
}

function addedBeforeTls(): ConnectorError {
  return new ConnectorError(
    'tls_failed',
    'Unexpected data arrived before the TLS handshake; the connection may have been tampered with.',
  );
}

/** Runs driver work that responds through a callback; it ends with the connection at the latest. */
export function answered<Result>(
  { connection, allow }: Wire,
  start: (callback: (error: Error | null, result: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown) => settle(() => reject(error));
    const settle = (act: () => void) => {
      connection.off('error', onError);
      act();
    };
    connection.on('error', onError);
    allow(statementBudget());
    start((error, result) => settle(() => (error ? reject(error) : resolve(result))));
  });
}

/** Maximum columns in the response to one of our statements. */
const OWN_COLUMNS_MAX = 8;

/** Runs before the driver generates and caches a parser for the result. */
function checkOwnFields(fields: unknown): void {
  if (!Array.isArray(fields)) return;
  if (fields.length > OWN_COLUMNS_MAX) throw brokenFrame();
  hideNames(fields);
}

/**
 * The driver generates its parser as program text and rejects some names in it (`__proto__`). Rows are arrays here, so
 * no name chosen by the server needs to be in it.
 */
export function hideNames(fields: mysql.FieldPacket[]): void {
  for (const [index, field] of fields.entries()) field.name = String(index);
}

/** Runs one of our fixed statements. */
export function command(wire: Wire, sql: string): Promise<unknown> {
  return answered(wire, (callback) => wire.connection.query(sql, callback).on('fields', checkOwnFields));
}

/** Runs one of our statements as a prepared statement. */
export function prepared(
  wire: Wire,
  sql: string,
  values: readonly (string | number | null)[],
): Promise<unknown> {
  return answered(wire, (callback) =>
    wire.connection
      .execute(sql, [...values], (error, result) => callback(error, result))
      .on('fields', checkOwnFields),
  );
}

/** Waits for the sign-in. */
export function signedIn({ connection }: Wire): Promise<unknown> {
  return new Promise((resolve, reject) =>
    connection.connect((error) => (error ? reject(error) : resolve(undefined))),
  );
}

/** How long a server may take to answer a kill. */
const KILL_MS = 1_000;

/**
 * Makes the server cancel the running statement, over a separate connection: MySQL notices a closed socket only on its
 * next write. Never rejects.
 */
export async function kill(network: Network, options: MySqlOptions, threadId: number): Promise<void> {
  const wire = dial(network, options);
  const work = signedIn(wire).then(() => command(wire, `kill query ${Math.trunc(threadId)}`));
  await settledWithin(work, KILL_MS);
  wire.destroy();
}
