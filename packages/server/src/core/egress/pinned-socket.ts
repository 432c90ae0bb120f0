// The only calls of the product that open a connection or put TLS on one for itself.
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import { cancelled, timedOut, translateNetworkError } from './failure.js';

export interface Bounds {
  /** Counted from the call, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** How a connection to an address came out, told once; the socket where it stands. Not told when nobody waited for it. */
export type ReportOutcome = (address: string, connected: Socket | undefined) => void;

/** Makes Node ask our lookup for every host, IP literals too: one path, and nothing it could resolve by itself. */
const RESOLVED_BY_GATE = 'gate.invalid';

/**
 * A socket that connects to the one address that `find` answers, which must have been checked. Whatever is done with
 * the socket, it never connects elsewhere. It ends with a `ConnectorError` for every failure of the network.
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
    // `find` refuses a port outside the range; Node would throw before it is asked.
    port: Number.isInteger(port) && port > 0 && port <= 65_535 ? port : 1,
    lookup: (_name, _options, callback) => {
      const answer = (address: string) => {
        chosen = address;
        callback(null, address, isIP(address));
      };
      // Not at once: Node asks while the socket is still being made, and an answer then would find no listener.
      Promise.resolve()
        .then(find)
        .then(answer, (error) => callback(error, ''));
    },
    // Trying several addresses with one socket replaces its handle, and Node 20 crashes, process and all, when a
    // driver has put TLS on the socket by then.
    autoSelectFamily: false,
    noDelay: true,
    keepAlive: true,
  });
  // Drivers that are given a socket may call connect() with the address they know. It is being connected already.
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

/** Resolves at the event; rejects with the error of the socket, or as cancelled when it is closed without one. */
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

/** Ends a socket that takes too long to get to the event, or whose caller leaves before. */
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

/** Every failure of a socket ends in destroy(error), so this is where native errors become ours. */
function translateFailures(socket: Socket): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => destroy(error && (translateNetworkError(error) ?? error));
  // A driver that has dropped its listeners must not take the process down when its source then hangs up.
  socket.on('error', () => undefined);
}
