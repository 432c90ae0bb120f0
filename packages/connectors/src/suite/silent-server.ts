import { setImmediate } from 'node:timers/promises';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';

/** An HTTP server that answers nothing. */
export interface SilentServer extends LoopbackServer {
  /** Whether a request is waiting for an answer. */
  isWaiting(): Promise<boolean>;
}

export async function startSilentHttp(): Promise<SilentServer> {
  let waiting = 0;
  const server = await listenOnLoopback(0, () => (_request, response) => {
    waiting += 1;
    response.once('close', () => {
      waiting -= 1;
    });
  });
  return {
    ...server,
    async isWaiting() {
      // The server runs in this process.
      await setImmediate();
      return waiting > 0;
    },
  };
}
