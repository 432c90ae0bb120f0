// A way through the gate for drivers that dial by themselves and take no socket: they dial the relay on loopback, and the
// relay hands their bytes to a socket of the gate. Destination, policy and TLS are decided on that side.
import { createHook } from 'node:async_hooks';
import { type AddressInfo, createServer, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ConnectorError } from '../interface/errors.js';
import type { SocketTarget } from '../interface/network.js';
import type { Context } from '../interface/session.js';
import { abortError, after, throwIfAborted } from './deadline.js';
import { type TlsDemands, tlsOptions } from './tls.js';

const loopback = '127.0.0.1';
/** A driver dials in the turn in which it gets the address. */
const dialMs = 10_000;

export interface Relay {
  /** What the driver dials, in clear text. */
  host: string;
  port: number;
  /** Idempotent. The end of the session does it, too. */
  close(): void;
}

/** A handle of Node's that may tell its own address. */
interface Handle {
  getsockname?(into: { address?: string; port?: number }): number;
}

/**
 * Tells this process's own connections from those of others on this machine: a connection on loopback is ours if a
 * handle of this process has its port.
 */
function watchOwnHandles() {
  const made: Handle[] = [];
  const hook = createHook({
    init(_id, type, _trigger, handle) {
      if (type === 'TCPWRAP') made.push(handle as Handle);
    },
  }).enable();
  return {
    /** Nothing is after `end`. */
    isOwn: ({ remoteAddress, remotePort }: Socket): boolean =>
      remotePort !== undefined &&
      made.some((handle) => {
        const name: { address?: string; port?: number } = {};
        handle.getsockname?.(name);
        return name.port === remotePort && name.address === remoteAddress;
      }),
    end() {
      hook.disable();
      made.length = 0;
    },
  };
}

/** TLS over a socket that is there already, to the server that it was to reach. */
export const secured = (
  socket: Socket,
  { host }: Pick<SocketTarget, 'host'>,
  demands: TlsDemands,
): ReturnType<typeof connectTls> =>
  connectTls({ socket, host, ...(isIP(host) ? {} : { servername: host }), ...tlsOptions(demands) });

/**
 * The far side, connected, with TLS if it is demanded.
 * @throws ConnectorError of the gate, or the error of the handshake
 */
export function connected(
  socket: Socket,
  target: SocketTarget,
  demands: TlsDemands | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const far = demands ? secured(socket, target, demands) : socket;
    // Errors of the socket below reach the TLS stream only once that has begun.
    socket.once('error', reject);
    far.once('error', reject);
    far.once('close', () => reject(new ConnectorError('unreachable', 'The source closed the connection.')));
    far.once(demands ? 'secureConnect' : 'connect', () => resolve(far));
  });
}

/** Bytes both ways. Each side ends the other: in order if it ended in order. */
function join(near: Socket, far: Socket): void {
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  // What was received before the end still goes to the driver.
  far.once('close', () => {
    if (!far.readableEnded) near.destroy();
  });
  near.pipe(far).pipe(near);
}

/**
 * Connects to the target through the gate, and listens on loopback for the driver's one connection to it. Connections of
 * other processes are closed unread, and so is a second one. The port is held until the session ends: a driver that dials
 * again must not reach a process that took it since.
 * @param tls absent: the driver's bytes pass as they are, which may be TLS of its own
 * @throws ConnectorError as the gate does; the error of the TLS handshake
 */
export async function openRelay(
  target: SocketTarget,
  { network, signal }: Pick<Context, 'network' | 'signal'>,
  tls?: TlsDemands,
): Promise<Relay> {
  throwIfAborted(signal);
  const far = await connected(network.socket(target), target, tls);
  const own = watchOwnHandles();
  let opened: Socket | undefined;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    if (!own.isOwn(near)) return void near.destroy();
    stopWaiting();
    opened = near;
    join(near, far);
  });
  const timer = after(dialMs, () => far.destroy());
  const stopWaiting = () => {
    clearTimeout(timer);
    own.end();
  };
  const close = () => {
    stopWaiting();
    signal.removeEventListener('abort', close);
    server.close();
    far.destroy();
    opened?.destroy();
  };
  far.on('error', () => undefined).once('close', stopWaiting);
  signal.addEventListener('abort', close, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: loopback, port: 0, exclusive: true }, resolve);
    });
    if (signal.aborted) throw abortError(signal);
  } catch (error) {
    close();
    throw error;
  }
  return { host: loopback, port: (server.address() as AddressInfo).port, close };
}
