import ipaddr from 'ipaddr.js';
import { isLoopback } from './address-classes.js';

/**
 * True for a plain http URL on this machine, the only place where an endpoint needs no TLS. Whether it may be reached
 * at all is the egress gate's decision.
 */
export function isPlainLoopback(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'http:' && isLoopbackName(hostname.replace(/^\[|\]$/g, ''));
}

function isLoopbackName(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return ipaddr.isValid(host) && isLoopback(ipaddr.parse(host));
}
