import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/**
 * Requests to a server as they are written here: `fetch` changes methods, paths and headers.
 * @param url of the server, once it runs
 */
export function rawClient(url: () => string) {
  return {
    ask(method: string, path: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
      return new Promise((resolve, reject) => {
        const { hostname, port } = new URL(url());
        const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
        });
        sent.on('error', reject).end();
      });
    },
    dial(): Socket {
      const { hostname, port } = new URL(url());
      return connect(Number(port), hostname).on('error', () => undefined);
    },
  };
}

/** What comes back until the server closes the connection, and how long that took. */
export async function untilClosed(socket: Socket): Promise<{ text: string; ms: number }> {
  const since = performance.now();
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return { text, ms: performance.now() - since };
}
