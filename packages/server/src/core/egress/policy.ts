import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopback, isNeverReachable, isPublic } from './address-classes.js';
import { isOpenedBy, parseAllowEntry } from './allow-list.js';

export interface EgressSettings {
  /**
   * What the operator opens beyond public addresses: addresses or CIDR ranges, each optionally with the one port it
   * is open on: `10.0.0.0/8`, `127.0.0.1:9201`, `192.0.2.0/24:5432`, `[::1]:443`, `[fd00::]/8`.
   */
  allow: readonly string[];
  /** `auto`: reachable when only this machine reaches the server. An `allow` entry opens it in every mode. */
  loopback: 'auto' | 'allow' | 'deny';
  isOfThisMachine: boolean;
}

/** Why a destination was refused. For metrics and the operator's log; callers never get it. */
export const refusalReasons = [
  ...(['invalid_url', 'invalid_host', 'invalid_port', 'scheme', 'user_info', 'unix_socket'] as const),
  ...(['metadata', 'loopback', 'not_public'] as const),
];
export type RefusalReason = (typeof refusalReasons)[number];

export type EgressPolicy = ReturnType<typeof createPolicy>;

/**
 * The operator's rules about addresses. Public unicast is open, everything else is closed unless opened here;
 * link-local and cloud-metadata addresses stay closed whatever is opened. Pure.
 * @throws Error naming the entry of `allow` that cannot be read.
 */
export function createPolicy(settings: EgressSettings) {
  const opened = settings.allow.map(parseAllowEntry);
  const isLoopbackOpen =
    settings.loopback === 'allow' || (settings.loopback === 'auto' && settings.isOfThisMachine);

  /** Why this address and port may not be reached; `undefined` when they may. */
  function refusalOf(text: string, port: number): RefusalReason | undefined {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'invalid_port';
    if (isIP(text) === 0 || text.includes('%')) return 'invalid_host';
    const address = ipaddr.parse(text);
    if (isNeverReachable(address)) return 'metadata';
    if (opened.some((entry) => isOpenedBy(entry, address, port))) return undefined;
    if (isLoopback(address)) return isLoopbackOpen ? undefined : 'loopback';
    return isPublic(address) ? undefined : 'not_public';
  }

  return {
    refusalOf,
    isAllowed: (address: string, port: number) => refusalOf(address, port) === undefined,
  };
}
