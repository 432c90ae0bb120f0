import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server that answers nothing. */
export interface SilentServer {
  url: string;
  /** Requests that are waiting for an answer. */
  waiting(): number;
  close(): Promise<void>;
}

export async function startSilentHttp(): Promise<SilentServer> {
  let waiting = 0;
  const server = createServer((_request, response) => {
    waiting += 1;
    response.once('close', () => {
      waiting -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    waiting: () => waiting,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
