import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { SocketTarget } from '@mooring/connectors/interface/network';
import type { Dialer } from './dialer.js';
import type { Refuse } from './failure.js';
import type { TlsSettings } from './tls-context.js';
import { boundInterimAnswers } from './wordless-answer.js';

const FREE_SOCKETS_MAX = 16;

/**
 * See `Network.agents`. Idle connections are kept for the next request through the same pair of agents only; the
 * holder closes them, and those still connecting, with `destroy()`.
 */
export function createAgents(
  dialer: Dialer,
  refuse: Refuse,
  settings: TlsSettings,
): { http: HttpAgent; https: HttpsAgent } {
  const http = new HttpAgent({ keepAlive: true, maxFreeSockets: FREE_SOCKETS_MAX });
  openThrough(http, refuse, (target, signal) => dialer.openConnected(target, { signal }));
  const https = new HttpsAgent({ keepAlive: true, maxFreeSockets: FREE_SOCKETS_MAX });
  openThrough(https, refuse, (target, signal) =>
    dialer.openSecure(target, { settings, protocols: ['http/1.1'], signal }),
  );
  return { http, https };
}

/**
 * Only host and port of a request's options are used: `lookup`, `localAddress`, `servername` and others are ignored.
 */
function openThrough(
  agent: HttpAgent,
  refuse: Refuse,
  open: (target: SocketTarget, signal: AbortSignal) => Promise<Duplex>,
): void {
  const dials = new Set<AbortController>();

  agent.createConnection = (options, callback) => {
    // Node's types want a stream beside an error; Node does not.
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const target = { host: options.host ?? '', port: Number(options.port) };
    if (options.socketPath) {
      done(refuse('unix_socket', target.port));
      return undefined;
    }
    const dial = new AbortController();
    dials.add(dial);
    open(target, dial.signal)
      .finally(() => dials.delete(dial))
      .then((stream) => done(null, stream), done);
    return undefined;
  };

  // How Node passes a request to its agent; missing from its types.
  const add: (request: ClientRequest, ...rest: unknown[]) => void = Reflect.get(agent, 'addRequest').bind(
    agent,
  );
  Object.assign(agent, {
    addRequest(request: ClientRequest, ...rest: unknown[]) {
      boundInterimAnswers(request);
      add(request, ...rest);
    },
  });

  const destroyIdle = agent.destroy.bind(agent);
  agent.destroy = () => {
    for (const dial of dials) dial.abort();
    destroyIdle();
  };
}
