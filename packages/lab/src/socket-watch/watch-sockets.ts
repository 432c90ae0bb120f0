import { type AddressInfo, Server, Socket } from 'node:net';
import { type OutboundSocket, relayFrame } from './outbound-sockets.js';

type Method = (this: unknown, ...given: unknown[]) => unknown;
type Prototype = Record<string, Method>;

const askers = new WeakMap<object, readonly string[]>();

function currentFrames(): readonly string[] {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = before;
  return lines.map((line) => line.trim()).filter((line) => !/node:|socket-watch\/watch-sockets/.test(line));
}

/** The stack that created this handle; not by async hooks, which would slow down the whole process. */
function framesOf(handle: object): readonly string[] {
  const symbol = Object.getOwnPropertySymbols(handle).find((one) => one.description === 'owner_symbol');
  const owner = symbol && (handle as Record<symbol, unknown>)[symbol];
  return (owner instanceof Object ? askers.get(owner) : undefined) ?? currentFrames();
}

function wrap(prototype: Prototype, name: string, noted: (handle: object, given: unknown[]) => void): void {
  const original = prototype[name];
  if (original === undefined) throw new Error(`This Node has no ${name} to watch`);
  prototype[name] = function (...given) {
    noted(this as object, given);
    return original.apply(this, given);
  };
}

const { binding } = process as unknown as {
  binding(name: string): Record<string, { prototype: Prototype }>;
};
const prototypeOf = (name: string, handle: string): Prototype => {
  const found = binding.call(process, name)[handle];
  if (found === undefined) throw new Error(`This Node has no ${handle} to watch`);
  return found.prototype;
};

/** Ports of relays that listen now. */
function watchRelays(): (address: string, port: number) => boolean {
  const ports = new Set<number>();
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...given: unknown[]) {
    if (currentFrames().some((frame) => relayFrame.test(frame))) {
      this.once('listening', () => {
        const { port } = this.address() as AddressInfo;
        ports.add(port);
        this.once('close', () => ports.delete(port));
      });
    }
    return (listen as unknown as Method).apply(this, given) as Server;
  } as Server['listen'];
  return (address, port) => address === '127.0.0.1' && ports.has(port);
}

/**
 * Reports every outgoing socket of this process, also failed ones, with the stack that opened it.
 * Hooks the runtime's handles, below net, tls, http, undici and every driver. Call once per process.
 */
export function watchSockets(note: (socket: OutboundSocket) => void): void {
  const noteOf = (handle: object, socket: Omit<OutboundSocket, 'frames'>) =>
    note({ ...socket, frames: framesOf(handle) });

  // A socket gets its address in a later turn, when the caller's stack is gone.
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function (this: Socket, ...given: unknown[]) {
    askers.set(this, currentFrames());
    return (connect as unknown as Method).apply(this, given) as Socket;
  } as Socket['connect'];

  const isRelay = watchRelays();
  const tcp = prototypeOf('tcp_wrap', 'TCP');
  for (const name of ['connect', 'connect6']) {
    wrap(tcp, name, (handle, [, host, number]) => {
      const [address, port] = [String(host), Number(number)];
      noteOf(handle, { kind: 'tcp', address, port, ...(isRelay(address, port) ? { isToRelay: true } : {}) });
    });
  }
  wrap(prototypeOf('pipe_wrap', 'Pipe'), 'connect', (handle, [, path]) =>
    noteOf(handle, { kind: 'pipe', address: String(path), port: 0 }),
  );
  const udp = prototypeOf('udp_wrap', 'UDP');
  for (const name of ['connect', 'connect6']) {
    wrap(udp, name, (handle, [address, port]) =>
      noteOf(handle, { kind: 'udp', address: String(address), port: Number(port) }),
    );
  }
  for (const name of ['send', 'send6']) {
    // A connected UDP socket sends without an address; it was reported on connect.
    wrap(udp, name, (handle, [, , , port, address]) => {
      if (typeof address === 'string') noteOf(handle, { kind: 'udp', address, port: Number(port) });
    });
  }
}
