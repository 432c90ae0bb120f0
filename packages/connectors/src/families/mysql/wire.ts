// How a `mysql2` connection is made to talk through the gate's socket, and through nothing else.
import { isIP, type Socket } from 'node:net';
import mysql from 'mysql2';
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
import { ConnectorError } from '../../spec/errors.js';
import type { Network } from '../../spec/network.js';
import type { Secret } from '../../spec/secret.js';
import { clearMySqlFrames, mySqlFrames } from './frames.js';

/** The driver's options, without the socket, and with the password still hidden: they are kept for a kill. */
export type MySqlOptions = Omit<mysql.ConnectionOptions, 'stream' | 'uri' | 'socketPath' | 'password'> & {
  host: string;
  port: number;
  password: Secret<string>;
};

/** Time that the server gets to say goodbye, or to take note of a cancel, before its socket is destroyed. */
export const GOODBYE_MS = 1_000;

/** A connection on its way, with what the driver's typings leave out. */
export interface Wire {
  connection: mysql.Connection;
  socket: Socket;
  /** What rows arrive on: the TLS stream where there is one. */
  stream(): Socket;
  /** What may arrive from here on. */
  allow(budget: WireBudget): void;
  /** Whether the driver has read beyond the end of the packet that it is at, so that values are not the packet's. */
  hasOverread(): boolean;
  /** Destroys everything at once. */
  destroy(error?: Error): void;
}

/** The driver's parsers of rows are kept for all connections of the process, each with what its server chose. */
const ROW_PARSERS_MAX = 64;
mysql.setMaxParserCache(ROW_PARSERS_MAX);

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
  const connection = mysql.createConnection({
    ...options,
    password: options.password.reveal(),
    infileStreamFactory: refuseFile,
    stream: socket,
  });
  // Failures reach whoever waits for an answer; without a listener Node would end the process.
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

/** Members of the driver's connection that its typings leave out. */
interface DriverConnection {
  stream: Socket;
  /** Of the next packet. */
  sequenceId: number;
  authorized: boolean;
  /** That waits for an answer. */
  _command: unknown;
  packetParser: { execute(chunk: Buffer): void; onPacket?(packet: Packet): void };
}

const ERROR_PACKET = 0xff;

/**
 * Puts a guard before the driver's parser. What goes wrong in it, or in whatever the driver does with a packet, ends
 * this connection and nothing else.
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
    // The driver would write a line to the log for each. Servers number a farewell by themselves.
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
  return new ConnectorError('tls_failed', 'Something was added to what the server said before TLS.');
}

/** Runs work of the driver that answers through a callback, and ends with the connection at the latest. */
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

/** Most columns that the answer to a statement of ours has. */
const OWN_COLUMNS_MAX = 8;

/** Before the driver writes a parser for the result, and keeps it. */
function checkOwnFields(fields: unknown): void {
  if (!Array.isArray(fields)) return;
  if (fields.length > OWN_COLUMNS_MAX) throw brokenFrame();
  hideNames(fields);
}

/**
 * The driver writes a parser as program text, in which it refuses some names (`__proto__`); rows are arrays
 * here, so nothing that the server chose needs to stand there.
 */
export function hideNames(fields: mysql.FieldPacket[]): void {
  for (const [index, field] of fields.entries()) field.name = String(index);
}

/** Runs one fixed statement of ours. */
export function command(wire: Wire, sql: string): Promise<unknown> {
  return answered(wire, (callback) => wire.connection.query(sql, callback).on('fields', checkOwnFields));
}

/** Runs a statement of ours as a prepared one. */
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
  const work = signedIn(wire).then(() => command(wire, `kill ${what.kind} ${Math.trunc(what.threadId)}`));
  await settledWithin(work, GOODBYE_MS);
  wire.destroy();
}
