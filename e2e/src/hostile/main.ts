// Hostile sources, in a separate process because flooding keeps it busy. It reports its ports to
// its parent, and ends with it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { flood, startFakeServer } from '@mooring/connectors/suite/fake-server';
import { mysql, postgres } from './databases.js';
import { objects, pages, type Sent } from './documents.js';

export interface HostilePorts {
  postgres: Readonly<Record<string, number>>;
  mysql: Readonly<Record<string, number>>;
  http: number;
}

const made = new Map<string, Sent>();
function sentOf(name: string): Sent | undefined {
  const make = pages[name] ?? objects[name];
  if (make && !made.has(name)) made.set(name, make());
  return made.get(name);
}

const listing = (inside: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>${inside}</ListBucketResult>`;
/** S3 requests other than reads of objects. */
const listings: Readonly<Record<string, () => string>> = {
  nested: () => listing('<Contents>'.repeat(700_000)),
  wide: () => listing('<Contents><Key>a</Key><Size>1</Size></Contents>'.repeat(200_000)),
};

function serve({ url = '/', headers }: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(url, 'http://hostile');
  const [kind = '', name = ''] = pathname.slice(1).split('/').map(decodeURIComponent);
  const sent = sentOf(name);
  if (kind !== 'page' && name === '') {
    response.writeHead(200, { 'content-type': 'application/xml' }).end(listings[kind]?.() ?? listing(''));
    return;
  }
  const { head = Buffer.alloc(0), piece, isGzip = false } = sent ?? {};
  response.setHeader('content-type', 'application/json');
  if (isGzip) response.setHeader('content-encoding', 'gzip');
  if (!piece) {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const part = first === undefined ? head : head.subarray(Number(first), Number(last) + 1);
    if (first !== undefined)
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${head.length}` });
    else response.setHeader('content-length', part.length);
    response.end(part);
    return;
  }
  response.setHeader('content-length', 10_000_000_000);
  response.flushHeaders();
  response.write(head);
  if (response.socket) flood(response.socket, piece);
}

async function portsOf(databases: typeof postgres): Promise<Record<string, number>> {
  const started = Object.entries(databases).map(async ([name, harm]) => {
    const { port } = await startFakeServer(harm);
    return [name, port] as const;
  });
  return Object.fromEntries(await Promise.all(started));
}

const web = createServer(serve);
await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
process.once('disconnect', () => process.exit(0));
process.send?.({
  postgres: await portsOf(postgres),
  mysql: await portsOf(mysql),
  http: (web.address() as AddressInfo).port,
} satisfies HostilePorts);
