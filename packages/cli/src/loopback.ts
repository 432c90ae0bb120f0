import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LoopbackRedirect {
  /** Send it when you start the sign-in. */
  redirectUri: string;
  /**
   * The query of the first redirect with this state. Redirects with another state are ignored, because any page in the
   * same browser can send one. The server verifies the issuer.
   */
  query(state: string): Promise<string>;
  close(): void;
}

const page = (text: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Mooring</title><p>${text}</p></html>`;

/** Listens for the redirect on a free loopback port (RFC 8252 section 7.3). Any other path is a 404. */
export async function listenForRedirect(): Promise<LoopbackRedirect> {
  let expected: { state: string; arrived: (query: string) => void } | undefined;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const states = url.searchParams.getAll('state');
    const isRedirect =
      request.method === 'GET' &&
      url.pathname === '/callback' &&
      expected !== undefined &&
      states.length === 1 &&
      states[0] === expected.state;
    response.writeHead(isRedirect ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      connection: 'close',
    });
    response.end(page(isRedirect ? 'You can close this page and return to the command line.' : 'Not found.'));
    if (isRedirect) expected?.arrived(url.search.slice(1));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    redirectUri: `http://127.0.0.1:${port}/callback`,
    query: (state) =>
      new Promise((arrived) => {
        expected = { state, arrived };
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
