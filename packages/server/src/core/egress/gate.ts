import type { Socket } from 'node:net';
import type { Network, SocketTarget } from '@mooring/connectors/interface/network';
import { createAgents } from './agents.js';
import { createDialer, type Dialer, type OpenOptions } from './dialer.js';
import { egressRefused, type Refuse } from './failure.js';
import { fetchOnce } from './fetch.js';
import { type EgressPolicy, type RefusalReason, refusalReasons } from './policy.js';
import { createResolver, type Lookup, lookupInSystem } from './resolver.js';
import { createTlsContexts, type TlsSettings } from './tls-context.js';

export interface RefusalEvent {
  reason: RefusalReason;
  /** As requested, so not always a valid port; 0 when the URL has no port or is not valid. */
  port: number;
}

export interface GateOptions {
  policy: EgressPolicy;
  /** By space id, instead of `policy`: what is allowed for connections of that space. */
  inSpaces?: ReadonlyMap<string, EgressPolicy>;
  /** Default: the system's resolver. */
  lookup?: Lookup;
  /** For name and TCP together, and again for the TLS handshake. Default 10 s. */
  connectTimeoutMs?: number;
  /** For the headers of an HTTP answer, and between two pieces of its body. Default 60 s. */
  responseTimeoutMs?: number;
  /** For the operator's log; contains no host, so that it can be logged as it is. */
  onRefused?: (event: RefusalEvent) => void;
}

export interface GateCounts {
  /** TCP connections opened. */
  connected: number;
  refused: Readonly<Record<RefusalReason, number>>;
}

export interface DialOptions extends OpenOptions {
  /** Present: TLS from the first byte, with these settings. */
  tls?: TlsSettings | undefined;
}

export interface Gate extends Network {
  /** Connects and tells each stage that is passed. @throws ConnectorError as `Network` tells. */
  dial(target: SocketTarget, options?: DialOptions): Promise<Socket>;
  /** The same gate under the policy of a space; under the common policy where the space has none, and for null. */
  forSpace(spaceId: string | null): Gate;
  /** The same gate, which also reports each TCP connection made through this view. */
  watched(onConnected: (socket: Socket) => void): Gate;
  /** Counts and logs a refusal by the gate of a runner. */
  noteRefusal(refusal: RefusalEvent): void;
  /** Since the start of the process, over all spaces and views, for metrics. */
  counts(): GateCounts;
}

const CONNECT_TIMEOUT_MS = 10_000;
const RESPONSE_TIMEOUT_MS = 60_000;
/** A consumer with back-pressure of its own may pause far longer than a server. */
const UNREAD_TIMEOUT_MS = 300_000;

/**
 * The only way to the network: the one implementation of `Network`. For every request the host is parsed once and
 * resolved once, the policy must allow every address, and the connection goes to a checked address.
 */
export function createGate(options: GateOptions): Gate {
  const refused = Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as Record<
    RefusalReason,
    number
  >;
  let connected = 0;
  const noteRefusal = (refusal: RefusalEvent) => {
    refused[refusal.reason] += 1;
    options.onRefused?.(refusal);
  };
  const refuse: Refuse = (reason, port) => {
    noteRefusal({ reason, port });
    return egressRefused();
  };
  const responseTimeoutMs = options.responseTimeoutMs ?? RESPONSE_TIMEOUT_MS;
  const contexts = createTlsContexts();
  const timeouts = {
    headersTimeoutMs: responseTimeoutMs,
    bodyTimeoutMs: responseTimeoutMs,
    unreadTimeoutMs: UNREAD_TIMEOUT_MS,
  };

  const through = (dialer: Dialer): Gate => ({
    socket: (target) => dialer.open(target),
    agents: (tls = {}) => createAgents(dialer, refuse, tls),
    fetch: (url, request) => fetchOnce({ dialer, refuse, timeouts }, url, request),
    dial: (target, { tls, ...rest } = {}) =>
      tls === undefined
        ? dialer.openConnected(target, rest)
        : dialer.openSecure(target, { ...rest, settings: tls }),
    forSpace: (spaceId) => gates.get(spaceId ?? '') ?? common,
    watched: (onConnected) => through(dialer.watched(onConnected)),
    noteRefusal,
    counts: () => ({ connected, refused: { ...refused } }),
  });
  const gateUnder = (policy: EgressPolicy): Gate =>
    through(
      createDialer({
        resolver: createResolver(policy, options.lookup ?? lookupInSystem, refuse),
        contexts,
        connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        onConnected: () => {
          connected += 1;
        },
      }),
    );
  const common = gateUnder(options.policy);
  const gates = new Map(
    [...(options.inSpaces ?? [])].map(([spaceId, policy]) => [spaceId, gateUnder(policy)]),
  );
  return common;
}
