import type { Agent as HttpAgent } from 'node:http';
import type { Duplex } from 'node:stream';
import { ConnectorError } from '../../interface/errors.js';
import type { Network, NetworkRequest } from '../../interface/network.js';
import { after } from '../deadline.js';

/** The network of one session, whose end closes everything that was opened through it. */
export interface TrackedNetwork {
  network: Network;
  /** Sockets and HTTP answers that are open. */
  open(): number;
  /** Resolves when what is already closing has closed, or the time is up. */
  closing(timeoutMs: number): Promise<void>;
  /** Closes everything and opens nothing more. Resolves when all is closed, or the time is up. */
  destroy(timeoutMs: number): Promise<void>;
}

const isConnecting = (socket: Duplex): boolean => Reflect.get(socket, 'connecting') === true;

const isEnded = () => new ConnectorError('unreachable', 'The session is closed.');

/** Open sockets, and who waits for some of them to close. */
function createSockets() {
  const open = new Set<Duplex>();
  const waiting = new Set<() => void>();
  return {
    open,
    add(socket: Duplex): void {
      open.add(socket);
      socket.once('close', () => {
        open.delete(socket);
        for (const look of waiting) look();
      });
    },
    /** Resolves when there is none of that kind, or the time is up. */
    until: (isGone: () => boolean, timeoutMs: number) =>
      new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        const look = () => {
          if (isGone()) end();
        };
        const timer = after(timeoutMs, end);
        waiting.add(look);
        look();
      }),
  };
}

/** @param onConnected called once, with the first connection */
export function trackNetwork(network: Network, onConnected: () => void): TrackedNetwork {
  const sockets = createSockets();
  const answers = new Set<AbortController>();
  const agents = new Set<HttpAgent>();
  let hasConnected = false;
  let hasEnded = false;

  const connected = () => {
    if (hasConnected) return;
    hasConnected = true;
    onConnected();
  };
  const assertOpen = () => {
    if (hasEnded) throw isEnded();
  };
  const track = <Stream extends Duplex>(socket: Stream): Stream => {
    if (hasEnded) return socket.destroy();
    sockets.add(socket);
    if (isConnecting(socket)) socket.once('connect', connected);
    else connected();
    return socket;
  };
  const follow = async (url: string, request: NetworkRequest): Promise<Response> => {
    const end = new AbortController();
    const leave = () => end.abort(request.signal?.reason);
    const over = () => {
      request.signal?.removeEventListener('abort', leave);
      answers.delete(end);
    };
    answers.add(end);
    if (request.signal?.aborted) leave();
    request.signal?.addEventListener('abort', leave, { once: true });
    try {
      const answer = await network.fetch(url, followed(request, end.signal, connected));
      connected();
      return followAnswer(answer, over);
    } catch (error) {
      over();
      throw error;
    }
  };

  return {
    network: {
      socket(target) {
        assertOpen();
        return track(network.socket(target));
      },
      agents(tls) {
        assertOpen();
        const made = network.agents(tls);
        for (const agent of [made.http, made.https]) {
          agents.add(agent);
          followAgent(agent, track, assertOpen);
        }
        return made;
      },
      async fetch(url, request = {}) {
        assertOpen();
        return follow(url, request);
      },
    },
    open: () => sockets.open.size + answers.size,
    closing: (timeoutMs) =>
      sockets.until(() => ![...sockets.open].some((socket) => socket.writableEnded), timeoutMs),
    destroy(timeoutMs) {
      hasEnded = true;
      for (const agent of agents) agent.destroy();
      for (const socket of sockets.open) socket.destroy();
      // Aborted is closed: the rest may have no reader.
      for (const answer of answers) answer.abort(isEnded());
      answers.clear();
      agents.clear();
      return sockets.until(() => sockets.open.size === 0, timeoutMs);
    },
  };
}

function followed(request: NetworkRequest, signal: AbortSignal, connected: () => void): NetworkRequest {
  const { beforeSend } = request;
  return {
    ...request,
    signal,
    beforeSend() {
      connected();
      beforeSend?.();
    },
  };
}

/** An agent gives its sockets by its return value or by a callback. */
function followAgent(agent: HttpAgent, track: (socket: Duplex) => Duplex, assertOpen: () => void): void {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    // Node's types want a stream beside an error; Node does not.
    const done = callback as ((error: Error | null, stream?: Duplex) => void) | undefined;
    try {
      assertOpen();
    } catch (error) {
      if (!done) throw error;
      done(error as Error);
      return undefined;
    }
    const made = create(options, (error, socket) => {
      if (socket) track(socket);
      done?.(error, socket);
    });
    return made ? track(made) : made;
  };
}

/** The answer, which tells when its body has ended, failed or was left. Reads nothing ahead. */
function followAnswer(answer: Response, over: () => void): Response {
  const { body, status, statusText, headers } = answer;
  if (body === null) {
    over();
    return answer;
  }
  const reader = body.getReader();
  const followed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const piece = await reader.read();
          if (!piece.done) return controller.enqueue(piece.value);
          over();
          controller.close();
        } catch (error) {
          over();
          throw error;
        }
      },
      cancel(reason) {
        over();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(followed, { status, statusText, headers });
}
