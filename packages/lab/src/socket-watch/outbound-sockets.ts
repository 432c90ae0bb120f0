import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** One connection attempt of a process, seen at the runtime's own handles. */
export interface OutboundSocket {
  kind: 'tcp' | 'pipe' | 'udp';
  /** An IP address; of a pipe its path. */
  address: string;
  /** 0 of a pipe. */
  port: number;
  /** The caller's stack, innermost first, without Node's own frames. */
  frames: readonly string[];
  /** To a relay of this process, behind which is the gate. */
  isToRelay?: boolean;
}

/** Node option that loads the watch. @param file where it logs attempts */
export const watchOption = (preload: string, file: string): string =>
  `--import=${pathToFileURL(preload).href}?file=${encodeURIComponent(file)}`;

/** The one module that opens connections. */
const gateFrame =
  /\/(?:packages\/server\/(?:dist|src)\/core\/egress\/pinned-socket|(?:bundle|product)\/egress-pinned-socket-[\w-]+)\.[jt]s:/;

/** The one module that listens on loopback, for drivers that dial by themselves. */
export const relayFrame =
  /\/(?:packages\/connectors\/(?:dist|src)\/kit\/relay|(?:bundle|product)\/kit-relay-[\w-]+)\.[jt]s:/;

export function readSockets(file: string): OutboundSocket[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as OutboundSocket);
}

/**
 * Attempts that bypassed the gate.
 * @param storeUrl of the PostgreSQL that the process keeps its own store in: the operator's choice, not a caller's
 */
export function detoursAmong(sockets: readonly OutboundSocket[], storeUrl?: string): OutboundSocket[] {
  const store = storeUrl === undefined ? undefined : new URL(storeUrl);
  const isStore = ({ address, port }: OutboundSocket) =>
    store !== undefined &&
    [store.hostname, '127.0.0.1', '::1'].includes(address) &&
    port === Number(store.port || 5432);
  const isOther = ({ isToRelay }: OutboundSocket) => isToRelay !== true;
  return sockets
    .filter(isOther)
    .filter(
      (socket) =>
        socket.kind !== 'tcp' || !(isStore(socket) || socket.frames.some((frame) => gateFrame.test(frame))),
    );
}

/** @throws Error with the stacks of attempts that bypassed the gate */
export function assertNoDetour(sockets: readonly OutboundSocket[], storeUrl?: string): void {
  const detours = detoursAmong(sockets, storeUrl);
  if (detours.length > 0) throw new Error(`Sockets past the gate: ${JSON.stringify(detours, undefined, 2)}`);
}
