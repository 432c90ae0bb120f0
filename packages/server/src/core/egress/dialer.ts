import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { SocketTarget } from '@mooring/connectors/interface/network';
import { type AddressOrder, createAddressOrder } from './address-order.js';
import { cancelled, closedInHandshake, timedOut } from './failure.js';
import { parseHost } from './host.js';
import { connectPinned, type ReportOutcome, reached, secureOver } from './pinned-socket.js';
import type { Resolver } from './resolver.js';
import type { TlsContexts, TlsSettings } from './tls-context.js';

/** Stages of a dial: name resolved, every address allowed, TCP connected, TLS established. */
export type DialStage = 'name' | 'route' | 'tcp' | 'tls';

export interface OpenOptions {
  /** Aborts the dial. An established connection belongs to the caller. */
  signal?: AbortSignal | undefined;
  onStage?: ((stage: DialStage) => void) | undefined;
}

export interface SecureOptions extends OpenOptions {
  settings: TlsSettings;
  /** Protocols to offer (RFC 7301). */
  protocols?: string[];
}

export interface Dialer {
  /** See `Network.socket`. Tries one of the addresses. */
  open(target: SocketTarget): Socket;
  /**
   * Resolves when TCP is connected; tries the addresses one after the other.
   * @throws ConnectorError as documented by `Network`
   */
  openConnected(target: SocketTarget, options?: OpenOptions): Promise<Socket>;
  /** Resolves when TLS is established and the certificate is verified. @throws ConnectorError, also `tls_failed`. */
  openSecure(target: SocketTarget, options: SecureOptions): Promise<TLSSocket>;
  /** The same dialer, which also reports each TCP connection made through this view. */
  watched(onConnected: (socket: Socket) => void): Dialer;
}

export interface DialerOptions {
  resolver: Resolver;
  contexts: TlsContexts;
  /** For name and TCP together, and again for the TLS handshake. */
  connectTimeoutMs: number;
  onConnected: (socket: Socket) => void;
}

interface DialerParts extends DialerOptions {
  addresses: AddressOrder;
}

/** Timeout of one address while there is another to try: enough for two lost SYNs. */
const ATTEMPT_TIMEOUT_MS = 3_000;

export function createDialer(options: DialerOptions): Dialer {
  return dialerOf({ ...options, addresses: createAddressOrder() });
}

function dialerOf(parts: DialerParts): Dialer {
  return {
    watched: (onConnected) =>
      dialerOf({
        ...parts,
        onConnected(socket) {
          parts.onConnected(socket);
          onConnected(socket);
        },
      }),
    open(target) {
      const find = async () => firstOf(await candidatesFor(parts, { ...target }, undefined));
      const bounds = { timeoutMs: parts.connectTimeoutMs };
      return connectPinned(find, target.port, bounds, reporterOf(parts, target.port));
    },
    openConnected: (target, open = {}) => openConnected(parts, { ...target }, open),
    openSecure: (target, secure) => openSecure(parts, { ...target }, secure),
  };
}

async function openConnected(
  parts: DialerParts,
  target: SocketTarget,
  options: OpenOptions,
): Promise<Socket> {
  if (options.signal?.aborted) throw cancelled(options.signal.reason);
  const deadline = performance.now() + parts.connectTimeoutMs;
  let left: readonly string[] | undefined;
  for (;;) {
    let attempt: NodeJS.Timeout | undefined;
    const find = async () => {
      // A name server may answer after the dial was aborted, when the stages have been reported already.
      const tell = (stage: DialStage) => socket.destroyed || options.onStage?.(stage);
      const [first, ...others] = left ?? (await candidatesFor(parts, target, tell));
      left = others;
      if (others.length > 0 && !socket.destroyed) {
        attempt = setTimeout(() => socket.destroy(timedOut()), ATTEMPT_TIMEOUT_MS);
      }
      return firstOf([first]);
    };
    const bounds = { timeoutMs: deadline - performance.now(), signal: options.signal };
    const socket = connectPinned(find, target.port, bounds, reporterOf(parts, target.port));
    try {
      await reached(socket, 'connect');
      options.onStage?.('tcp');
      return socket;
    } catch (error) {
      const isOver = options.signal?.aborted || performance.now() > deadline;
      if (isOver || left === undefined || left.length === 0) throw error;
    } finally {
      clearTimeout(attempt);
    }
  }
}

async function openSecure(
  parts: DialerParts,
  target: SocketTarget,
  options: SecureOptions,
): Promise<TLSSocket> {
  const { settings, protocols, signal, onStage } = options;
  const socket = await openConnected(parts, target, { signal, onStage });
  try {
    const secure = await secureOver(
      socket,
      {
        secureContext: parts.contexts.contextOf(settings),
        rejectUnauthorized: settings.unverifiedTls !== true,
        ...identityOf(target),
        ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
      },
      { timeoutMs: parts.connectTimeoutMs, signal },
    );
    onStage?.('tls');
    return secure;
  } catch (error) {
    socket.destroy();
    throw error instanceof ConnectorError && error.kind === 'unreachable' ? closedInHandshake(error) : error;
  }
}

async function candidatesFor(
  { resolver, addresses }: DialerParts,
  target: SocketTarget,
  onStage: OpenOptions['onStage'],
): Promise<readonly string[]> {
  return addresses.order(await resolver.resolve(target, (stage) => onStage?.(stage)), target.port);
}

function reporterOf({ addresses, onConnected }: DialerParts, port: number): ReportOutcome {
  return (address, connected) => {
    addresses.report(address, port, connected !== undefined);
    if (connected) onConnected(connected);
  };
}

function firstOf(addresses: readonly (string | undefined)[]): string {
  const [address] = addresses;
  if (address === undefined) throw new Error('The resolver gave no address.');
  return address;
}

/** Name that the certificate must have. `servername` is also sent, and RFC 6066 section 3 forbids addresses there. */
function identityOf(target: SocketTarget): { host: string; servername?: string } {
  const host = parseHost(target.host);
  if (host.kind === 'refused') throw new Error('A refused host was connected to.');
  return host.kind === 'address' ? { host: host.address } : { host: host.name, servername: host.name };
}
