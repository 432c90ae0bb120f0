import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Range = [ipaddr.IPv4, number] | [ipaddr.IPv6, number];

/** One destination the operator opened: an address range, and the only port it is open on if one is given. */
export interface AllowEntry {
  range: Range;
  port: number | undefined;
}

/** `10.0.0.0/8`, `192.0.2.0/24:5432`, `127.0.0.1:9201` */
const IPV4_ENTRY = /^(?<address>[\d.]+)(?:\/(?<bits>\d{1,2}))?(?::(?<port>\d{1,5}))?$/;
/** `[::1]`, `[::1]:443`, `[fd00::]/8:443`, `[fd00::/8]:443` */
const BRACKETED_ENTRY =
  /^\[(?<address>[\da-f:.]+)(?:\/(?<inner>\d{1,3}))?\](?:\/(?<bits>\d{1,3}))?(?::(?<port>\d{1,5}))?$/i;
/** `::1`, `fd00::/8`, `fd00::/8:443`; without a prefix length a port would be ambiguous. */
const IPV6_ENTRY = /^(?<address>[\da-f:.]+)(?:\/(?<bits>\d{1,3})(?::(?<port>\d{1,5}))?)?$/i;

/**
 * Reads one entry of `egress.allow`: an address or CIDR, optionally `:port`.
 * @throws Error that names the entry and what is wrong with it.
 */
export function parseAllowEntry(entry: string): AllowEntry {
  const text = entry.trim();
  const groups = (IPV4_ENTRY.exec(text) ?? BRACKETED_ENTRY.exec(text) ?? IPV6_ENTRY.exec(text))?.groups;
  const address = groups?.['address'];
  if (groups === undefined || address === undefined || isIP(address) === 0) {
    throw invalid(entry, 'is not an address or CIDR range, optionally followed by :port');
  }
  if (groups['inner'] !== undefined && groups['bits'] !== undefined)
    throw invalid(entry, 'has two prefix lengths');
  return {
    range: parseRange(entry, address, groups['inner'] ?? groups['bits']),
    port: groups['port'] === undefined ? undefined : parsePort(entry, groups['port']),
  };
}

/** True when the entry opens exactly this address and port. IPv4 entries never open IPv6 spellings of an address. */
export function isOpenedBy(entry: AllowEntry, address: ipaddr.IPv4 | ipaddr.IPv6, port: number): boolean {
  if (entry.port !== undefined && entry.port !== port) return false;
  return entry.range[0].kind() === address.kind() && address.match(entry.range);
}

function parseRange(entry: string, addressText: string, bitsText: string | undefined): Range {
  const address = ipaddr.parse(addressText);
  const widest = address.kind() === 'ipv4' ? 32 : 128;
  const bits = bitsText === undefined ? widest : Number(bitsText);
  if (bits > widest) throw invalid(entry, `has a prefix length above ${widest}`);
  const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = family.networkAddressFromCIDR(`${addressText}/${bits}`);
  // A range that does not start at its network address is more often a typo than intended.
  if (!network.match(address, widest))
    throw invalid(entry, `starts at ${network.toString()}, so write it that way`);
  return [network, bits] as Range;
}

function parsePort(entry: string, text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) throw invalid(entry, 'has a port outside 1 to 65535');
  return port;
}

function invalid(entry: string, problem: string): Error {
  return new Error(`egress.allow (MOORING_EGRESS_ALLOW): the entry "${entry}" ${problem}.`);
}
