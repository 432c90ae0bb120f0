import { z } from 'zod';
import { line, property } from '../interface/fields.js';

// Properties that name a server on a socket.

const labels = /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/i;
/** Some parsers read a name whose last label is a number as an IPv4 address (WHATWG URL, section 3.5). */
const numericLastLabel = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i;

const isHostName = (text: string) => labels.test(text) && !numericLastLabel.test(text);

/** A host name or an IP address, without brackets, port, path or user. */
export const hostSchema = line(253).refine(
  (text) => isHostName(text) || z.ipv4().safeParse(text).success || z.ipv6().safeParse(text).success,
  'must be a host name or an IP address',
);

export const hostProperty = property(hostSchema, {
  title: 'Host',
  description: 'Host name or IP address of the server.',
  placeholder: 'db.example.com',
  decides: 'value',
  dials: 'host',
});

export const portSchema = z.int().min(1).max(65_535);

/** @param port the vendor's default port */
export const portProperty = (port: number) =>
  property(portSchema.default(port), {
    title: 'Port',
    description: `TCP port of the server. Default: ${port}.`,
    decides: 'value',
  });
