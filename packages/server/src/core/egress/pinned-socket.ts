// The only calls in Mooring's own code that open a connection or start TLS on one.
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { cancelled, timedOut, translateNetworkError } from './failure.js';

export interface Bounds {
  /** Counted from the call, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Outcome of a connection to an address, reported once: the socket, or undefined. Not reported when the caller no
 * longer waits.
 */
export type ReportOutcome = (address: string, connected: Socket | undefined) => void;

/** Makes Node call our lookup for every host, IP literals too, so that it never resolves a name itself. */
const RESOLVED_BY_GATE = 'gate.invalid';

/**
 * A socket that connects to the address that `find` returns, which must have been checked, and never elsewhere,
 * whatever the caller does with it. Network failures destroy it with a `ConnectorError`.
 */
export function connectPinned(
  find: () => Promise<string>,
  port: number,
  bounds: Bounds,
  report: ReportOutcome,
): Socket {
  let chosen: string | undefined;
  const socket = connect({
    host: RESOLVED_BY_GATE,
    // `find` refuses a port outside the range; Node would throw before calling it.
    port: Number.isInteger(port) && port > 0 && port <= 65_535 ? port : 1,
    lookup: (_name, _options, callback) => {
      const answer = (address: string) => {
        chosen = address;
        callback(null, address, isIP(address));
      };
      // Not at once: Node calls this while it constructs the socket, when no listener is attached yet.
      Promise.resolve()
        .then(find)
        .then(answer, (error) => callback(error, ''));
    },
    // Trying several addresses with one socket replaces its handle, and Node 20 crashes the process if a driver has
    // started TLS on the socket by that time.
    autoSelectFamily: false,
    noDelay: true,
    keepAlive: true,
  });
  // Drivers that get a socket may call connect() with the address they know. It is already connecting.
  socket.connect = (() => socket) as Socket['connect'];
  translateFailures(socket);
  bound(socket, 'connect', bounds);
  const fail = (error: Error) => {
    const isLeft = error instanceof ConnectorError && error.kind === 'cancelled';
    if (chosen !== undefined && !isLeft) report(chosen, undefined);
  };
  socket.once('error', fail).once('connect', () => {
    socket.off('error', fail);
    if (chosen !== undefined) report(chosen, socket);
  });
  return socket;
}

/** TLS over a connected socket, the certificate verified unless the options say otherwise. Fails like `connectPinned`. */
export async function secureOver(
  socket: Socket,
  options: ConnectionOptions,
  bounds: Bounds,
): Promise<TLSSocket> {
  const secure = connectTls({ rejectUnauthorized: true, ...options, socket });
  translateFailures(secure);
  bound(secure, 'secureConnect', bounds);
  await reached(secure, 'secureConnect');
  return secure;
}

/** Resolves at the event; rejects with the error of the socket, or `cancelled` when it closes without one. */
export function reached(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      socket.off(event, succeed).off('error', fail).off('close', close);
      finish();
    };
    const succeed = () => settle(resolve);
    const fail = (error: Error) => settle(() => reject(error));
    const close = () => settle(() => reject(cancelled()));
    socket.once(event, succeed).once('error', fail).once('close', close);
  });
}

/** Destroys a socket that does not reach the event in time, or whose caller aborts first. */
function bound(socket: Socket, event: string, { timeoutMs, signal }: Bounds): void {
  const timer = setTimeout(() => socket.destroy(timedOut()), timeoutMs);
  const leave = () => socket.destroy(cancelled(signal?.reason));
  const settle = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  };
  socket.once(event, settle).once('close', settle);
  if (signal?.aborted) leave();
  else signal?.addEventListener('abort', leave, { once: true });
}

/** Every failure of a socket ends in destroy(error), so native errors are translated here. */
function translateFailures(socket: Socket): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => destroy(error && (translateNetworkError(error) ?? error));
  // A driver that has removed its listeners must not end the process when its source closes the connection.
  socket.on('error', () => undefined);
}
