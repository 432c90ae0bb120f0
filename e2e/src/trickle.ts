import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Slow sources of endless JSON pages, five to nine seconds per page. They use almost no CPU,
 * so that they do not distort a measurement.
 */
export interface Trickle {
  /** URLs, one origin each; a page links the following one in `next`. */
  urls: readonly string[];
  /** Peak of concurrent page requests. */
  peak(): number;
  close(): Promise<void>;
}

/** Random, so that readers do not stay in step. */
const pageMs = () => 5000 + Math.random() * 4000;

export async function startTrickle(count: number): Promise<Trickle> {
  const open = new Set<ServerResponse>();
  let peak = 0;
  const servers = Array.from({ length: count }, () =>
    createServer((request, response) => {
      open.add(response);
      peak = Math.max(peak, open.size);
      const page = setTimeout(() => {
        const number = Number(new URL(request.url ?? '', 'http://source').searchParams.get('page') ?? 0);
        const rows = { data: [{ number }], next: `/rows?page=${number + 1}` };
        response.setHeader('content-type', 'application/json').end(JSON.stringify(rows));
      }, pageMs());
      response.once('close', () => {
        clearTimeout(page);
        open.delete(response);
      });
    }),
  );
  const listen = async (server: Server): Promise<string> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  return {
    urls: await Promise.all(servers.map(listen)),
    peak: () => peak,
    async close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
        await once(server, 'close');
      }
    },
  };
}
