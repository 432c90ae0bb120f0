// A Network without a policy, for tests of connectors: real, counted sockets, so that a test can prove that none stays
// open. It behaves like the server's gate wherever a connector could notice a difference.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect, Socket } from 'node:net';
import { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ConnectorError } from '../interface/errors.js';
import type { Network, NetworkRequest, SocketTarget } from '../interface/network.js';

/** A real network for tests. Close it at the end of the test; that destroys whatever a connector left open. */
export interface DirectNetwork extends Network {
  /** Sockets that are connecting or open. */
  openSockets(): number;
  /** Every `host:port` dialled so far, in order. */
  readonly dialled: readonly string[];
  /** Resolves true once no socket is open, false if some still are after `timeoutMs`. */
  idle(timeoutMs: number): Promise<boolean>;
  /** Destroys all sockets and agents. */
  close(): void;
}

/** Like the gate: a failed connection reaches the driver as a `ConnectorError`. */
class DirectSocket extends Socket {
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    super._destroy(error && this.connecting ? unreachable(error) : error, callback);
  }
}

function unreachable(cause: unknown): ConnectorError {
  return cause instanceof ConnectorError
    ? cause
    : new ConnectorError('unreachable', 'The source could not be reached.', { cause });
}

function socketSet() {
  const open = new Set<Socket>();
  const waiting = new Set<() => void>();
  const track = <Tracked extends Socket>(socket: Tracked): Tracked => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      if (open.size === 0) for (const wake of waiting) wake();
    });
    return socket;
  };
  const idle = (timeoutMs: number) =>
    new Promise<boolean>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        waiting.delete(finish);
        resolve(open.size === 0);
      };
      const timer = setTimeout(finish, timeoutMs);
      waiting.add(finish);
      if (open.size === 0) finish();
    });
  return { open, track, idle };
}

type TlsMaterial = Pick<NetworkRequest, 'ca' | 'clientCertificate' | 'unverifiedTls'>;

const tlsOptions = (tls: TlsMaterial) => ({
  rejectUnauthorized: tls.unverifiedTls !== true,
  ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  ...toClientCertificate(tls.clientCertificate),
});

function toClientCertificate(certificate: NetworkRequest['clientCertificate']) {
  if (!certificate) return {};
  return 'pfx' in certificate ? { ...certificate, pfx: Buffer.from(certificate.pfx) } : certificate;
}

function decompressed(message: IncomingMessage): Readable {
  const decoders: Record<string, () => Transform> = {
    gzip: createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  };
  const decoder = decoders[message.headers['content-encoding'] ?? '']?.();
  if (!decoder) return message;
  message.once('error', (error) => decoder.destroy(error));
  decoder.once('close', () => message.destroy());
  return message.pipe(decoder);
}

function capped(body: Readable, bytesMax: number): Readable {
  let bytes = 0;
  const gauge = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax) done(new ConnectorError('too_large', 'The response of the source is too large.'));
      else done(null, chunk);
    },
  });
  body.once('error', (error) => gauge.destroy(error));
  gauge.once('close', () => body.destroy());
  return body.pipe(gauge);
}

function toResponse(message: IncomingMessage, bytesMax: number | undefined): Response {
  const status = message.statusCode ?? 0;
  const headers = new Headers();
  for (let index = 0; index + 1 < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? '', message.rawHeaders[index + 1] ?? '');
  }
  if (status === 204 || status === 205 || status === 304) {
    message.resume();
    return new Response(null, { status, headers });
  }
  const plain = decompressed(message);
  const body = bytesMax === undefined ? plain : capped(plain, bytesMax);
  return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, { status, headers });
}

/** Opens sockets to any target. For tests only: the service always uses its egress gate. */
export function createDirectNetwork(): DirectNetwork {
  const { open, track, idle } = socketSet();
  const dialled: string[] = [];
  const agentsMade: (HttpAgent | HttpsAgent)[] = [];

  const socket = (target: SocketTarget) => {
    dialled.push(`${target.host}:${target.port}`);
    return track(new DirectSocket()).connect({ host: target.host, port: target.port });
  };

  const agents = (tls: TlsMaterial = {}) => {
    const http = new HttpAgent({ keepAlive: true });
    const https = new HttpsAgent({ keepAlive: true, ...tlsOptions(tls) });
    const secure = https.createConnection.bind(https);
    http.createConnection = (options) => {
      dialled.push(`${options.host}:${options.port}`);
      return track(connect({ host: options.host ?? '', port: Number(options.port) }));
    };
    https.createConnection = (options, callback) => {
      dialled.push(`${options.host}:${options.port}`);
      const stream = secure(options, callback);
      return stream instanceof Socket ? track(stream) : stream;
    };
    agentsMade.push(http, https);
    return { http, https };
  };

  const fetch = (url: string, request: NetworkRequest = {}) =>
    new Promise<Response>((resolve, reject) => {
      const { protocol } = new URL(url);
      const made = agents(request);
      const options = {
        method: request.method ?? 'GET',
        headers: request.headers ?? {},
        ...(request.signal ? { signal: request.signal } : {}),
      };
      const call =
        protocol === 'https:'
          ? httpsRequest(url, { ...options, agent: made.https })
          : httpRequest(url, { ...options, agent: made.http });
      call.once('response', (message) => {
        message.once('close', () => {
          made.http.destroy();
          made.https.destroy();
        });
        resolve(toResponse(message, request.bodyBytesMax));
      });
      call.once('error', (error) => reject(request.signal?.aborted ? error : unreachable(error)));
      call.end(request.body);
    });

  const close = () => {
    for (const agent of agentsMade) agent.destroy();
    for (const left of open) left.destroy();
  };

  return { socket, agents, fetch, dialled, idle, close, openSockets: () => open.size };
}
