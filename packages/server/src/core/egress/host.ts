import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import type { RefusalReason } from './policy.js';

/** A host after its one and only parse. */
export type ParsedHost =
  | { kind: 'address'; address: string }
  /** `localhost` and names below it: loopback by RFC 6761 section 6.3, never a question to DNS. */
  | { kind: 'loopback'; name: string }
  /** Lower-case ASCII, no trailing dot. */
  | { kind: 'name'; name: string }
  | { kind: 'refused'; reason: RefusalReason };

const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.platformequinix.com',
  'instance-data',
  'instance-data.ec2.internal',
  'rancher-metadata',
];

/** Letters, digits, hyphen and, as container networks use it, underscore. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/**
 * `domainToASCII` decodes percent signs and drops line breaks, so characters other than letters are rejected before.
 */
const PLAIN_TEXT = /^(?:[a-z0-9._-]|[^\p{ASCII}])+$/iu;
/** A last label that URL parsers take for a number makes the whole name an IPv4 address (WHATWG URL, 3.5). */
const NUMERIC_LABEL = /^(?:\d+|0x[\da-f]*)$/;

/**
 * Reads a host: a DNS name (also international, also with one trailing dot) or a plain IP literal (IPv6 also in
 * brackets). Anything that another parser could read differently is refused: short, decimal, hexadecimal and octal
 * IPv4, look-alike digits, zone ids, user information, percent signs, paths.
 */
export function parseHost(text: string): ParsedHost {
  const literal = /^\[([^\]]*)\]$/.exec(text)?.[1];
  if (literal !== undefined && isIP(literal) !== 6) return { kind: 'refused', reason: 'invalid_host' };
  const candidate = literal ?? text;
  if (isIP(candidate) !== 0) {
    if (candidate.includes('%')) return { kind: 'refused', reason: 'invalid_host' };
    return { kind: 'address', address: ipaddr.parse(candidate).toString() };
  }
  if (!PLAIN_TEXT.test(candidate)) return { kind: 'refused', reason: 'invalid_host' };
  const name = domainToASCII(candidate).replace(/\.$/, '');
  if (!isProperName(name)) return { kind: 'refused', reason: 'invalid_host' };
  if (METADATA_NAMES.some((each) => name === each || name.endsWith(`.${each}`))) {
    return { kind: 'refused', reason: 'metadata' };
  }
  if (name === 'localhost' || name.endsWith('.localhost')) return { kind: 'loopback', name };
  return { kind: 'name', name };
}

function isProperName(name: string): boolean {
  if (name.length === 0 || name.length > 253) return false;
  const labels = name.split('.');
  return labels.every((label) => LABEL.test(label)) && !NUMERIC_LABEL.test(labels.at(-1) ?? '');
}
