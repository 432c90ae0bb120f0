// What an address is, independent of any operator's policy.
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * Never reachable, whatever the operator allows. Link-local holds the metadata services of most clouds; the single
 * addresses are those that lie elsewhere. "This host" (0.0.0.0/8, ::) is a second spelling of loopback on Linux.
 */
const NEVER_IPV4 = ranges([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32', // Alibaba Cloud
  '168.63.129.16/32', // Azure wire server
  '192.0.0.192/32', // Oracle Cloud
]);
const NEVER_IPV6 = ranges([
  '::/128',
  'fe80::/10',
  'fd00:ec2::/32', // AWS instance services
  'fd20:ce::254/128', // Google Cloud
  'fd00:42::42/128', // Scaleway
]);

const UNSPECIFIED_IPV4 = ranges(['0.0.0.0/8']);
const GLOBAL_UNICAST = ranges(['2000::/3']);
const NAT64_LOCAL_USE = ranges(['64:ff9b:1::/48']);
const LAST_32_BITS = ranges(['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96']);
const SIX_TO_FOUR = ranges(['2002::/16']);
const TEREDO = ranges(['2001::/32']);

/** True for link-local, metadata and "this host" addresses, also when wrapped in an IPv6 transition form. */
export function isNeverReachable(address: Address): boolean {
  if (address.kind() === 'ipv4') return isIn(address, NEVER_IPV4);
  return isIn(address, NEVER_IPV6) || embeddedIPv4(address).some((inner) => isIn(inner, NEVER_IPV4));
}

/** 127.0.0.0/8 and ::1. Transition forms of loopback are not loopback: they are judged as what they are. */
export function isLoopback(address: Address): boolean {
  return address.range() === 'loopback';
}

/**
 * True for globally routable unicast. A transition form (RFC 4291 mapped and compatible, RFC 6052 NAT64, RFC 7915,
 * 6to4, Teredo, ISATAP) is public only if every IPv4 address inside it is.
 */
export function isPublic(address: Address): boolean {
  if (address.kind() === 'ipv4') return address.range() === 'unicast';
  // RFC 8215: where the IPv4 address lies is the network operator's choice, so it cannot be judged.
  if (isIn(address, NAT64_LOCAL_USE)) return false;
  const inner = embeddedIPv4(address);
  if (inner.some((each) => !isPublic(each))) return false;
  if (isIn(address, [...LAST_32_BITS, ...SIX_TO_FOUR, ...TEREDO])) return inner.length > 0;
  return isIn(address, GLOBAL_UNICAST) && address.range() === 'unicast';
}

/** The IPv4 addresses that a packet to this IPv6 address may end at, empty for ordinary IPv6. */
function embeddedIPv4(address: Address): ipaddr.IPv4[] {
  if (!(address instanceof ipaddr.IPv6) || address.range() === 'loopback') return [];
  const bytes = address.toByteArray();
  const at = (...positions: number[]) => new ipaddr.IPv4(positions.map((position) => bytes[position] ?? 0));
  if (isIn(address, LAST_32_BITS)) return [at(12, 13, 14, 15)];
  if (isIn(address, SIX_TO_FOUR)) return [at(2, 3, 4, 5)];
  if (isIn(address, TEREDO)) {
    const client = new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff));
    return [at(4, 5, 6, 7), client];
  }
  if (isIn(address, NAT64_LOCAL_USE)) {
    // RFC 6052 section 2.2, prefix lengths 48, 56, 64 and 96; a reading that gives 0.x is another one's padding.
    const readings = [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), at(12, 13, 14, 15)];
    return readings.filter((reading) => !isIn(reading, UNSPECIFIED_IPV4));
  }
  const isIsatap = (address.parts[4] ?? 0) % 0x200 === 0 && address.parts[5] === 0x5efe;
  return isIsatap ? [at(12, 13, 14, 15)] : [];
}

function ranges(cidrs: string[]): [Address, number][] {
  return cidrs.map((cidr) => ipaddr.parseCIDR(cidr));
}

function isIn(address: Address, list: readonly [Address, number][]): boolean {
  return list.some((range) => range[0].kind() === address.kind() && address.match(range));
}
