import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { NetworkRequest, SocketTarget } from '@mooring/connectors/interface/network';
import type { Dispatcher } from 'undici';
import type { Dialer } from './dialer.js';
import { cancelled, codeOf, type Refuse, translateNetworkError } from './failure.js';
import { readBody } from './response-body.js';
import { boundWordlessBytes } from './wordless-answer.js';

export interface FetchTimeouts {
  /** From the sent request to the end of the answer's headers, in milliseconds. */
  headersTimeoutMs: number;
  /** Between two pieces of the answer, in milliseconds. */
  bodyTimeoutMs: number;
  /** Between two reads of the answer by its consumer, in milliseconds. */
  unreadTimeoutMs: number;
}

export interface FetchDeps {
  dialer: Dialer;
  refuse: Refuse;
  timeouts: FetchTimeouts;
}

interface Destination extends SocketTarget {
  origin: string;
  path: string;
  isSecure: boolean;
}

const BODY_BYTES_MAX = 64 * 1024 * 1024;
const HEADER_BYTES_MAX = 32 * 1024;
/** Headers that decide destination or framing; URL and body decide those. */
const OWN_HEADERS =
  /^(?:host|connection|content-length|keep-alive|transfer-encoding|upgrade|expect|te|trailer|proxy-.*)$/i;
/** Fetch standard, "null body status". */
const BODILESS_STATUSES = new Set([204, 205, 304]);

/**
 * See `Network.fetch`. One connection per request, so that no state that a server binds to a connection is shared.
 * Nothing is read ahead: a body that is neither read nor cancelled holds its connection until `unreadTimeoutMs`.
 */
export async function fetchOnce(
  { dialer, refuse, timeouts }: FetchDeps,
  url: string,
  request: NetworkRequest = {},
): Promise<Response> {
  const destination = parseDestination(url, refuse);
  assertHeaders(request.headers ?? {});
  // Loaded on first use: it costs 80 ms and 20 MB that a start should not pay.
  const { Client } = await import('undici');
  if (request.signal?.aborted) throw cancelled(request.signal.reason);

  const dial = new AbortController();
  let heard = () => {};
  const client = new Client(destination.origin, {
    // Dial the parsed URL, because that is what was checked, whatever undici passes here.
    connect: (_options, callback) => {
      openFor(dialer, destination, request, dial.signal).then(
        (socket) => {
          try {
            request.beforeSend?.();
          } catch (error) {
            socket.destroy();
            callback(error as Error, null);
            return;
          }
          heard = boundWordlessBytes(socket);
          callback(null, socket);
        },
        (error) => callback(error, null),
      );
    },
    headersTimeout: timeouts.headersTimeoutMs,
    bodyTimeout: timeouts.bodyTimeoutMs,
    maxHeaderSize: HEADER_BYTES_MAX,
    allowH2: false,
  });
  const close = () => {
    request.signal?.removeEventListener('abort', close);
    dial.abort();
    client.destroy().catch(() => undefined);
  };
  // Not undici's own `signal`, which it ignores until the connection is established.
  request.signal?.addEventListener('abort', close);
  const translate = (error: unknown) => translateHttpError(error, request.signal);
  try {
    const answer = await client.request({
      path: destination.path,
      method: (request.method ?? 'GET').toUpperCase() as Dispatcher.HttpMethod,
      headers: request.headers ?? {},
      body: request.body ?? null,
      reset: true,
    });
    heard();
    return toResponse(answer, { request, timeouts, translate, heard: () => heard(), close });
  } catch (error) {
    close();
    throw translate(error);
  }
}

function parseDestination(text: string, refuse: Refuse): Destination {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refuse('invalid_url', 0);
  const isSecure = url.protocol === 'https:';
  if (!isSecure && url.protocol !== 'http:') throw refuse('scheme', Number(url.port));
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  if (url.username !== '' || url.password !== '') throw refuse('user_info', port);
  return { origin: url.origin, path: `${url.pathname}${url.search}`, host: url.hostname, port, isSecure };
}

function assertHeaders(headers: Record<string, string>): void {
  if (Object.keys(headers).some((name) => OWN_HEADERS.test(name))) throw invalidRequest();
}

function openFor(dialer: Dialer, destination: Destination, request: NetworkRequest, signal: AbortSignal) {
  if (!destination.isSecure) return dialer.openConnected(destination, { signal });
  return dialer.openSecure(destination, { settings: request, protocols: ['http/1.1'], signal });
}

interface Answering {
  request: NetworkRequest;
  timeouts: FetchTimeouts;
  translate: (error: unknown) => ConnectorError;
  heard: () => void;
  close: () => void;
}

function toResponse(
  answer: Dispatcher.ResponseData,
  { request, timeouts, translate, heard, close }: Answering,
): Response {
  // The reader gets its errors; without a reader they must not end the process.
  answer.body.on('error', () => undefined);
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const each of [value ?? []].flat()) headers.append(name, each);
  }
  const status = answer.statusCode;
  if (BODILESS_STATUSES.has(status) || request.method?.toUpperCase() === 'HEAD') {
    close();
    return new Response(null, { status, headers });
  }
  const limits = {
    bytesMax: request.bodyBytesMax ?? BODY_BYTES_MAX,
    unreadTimeoutMs: timeouts.unreadTimeoutMs,
    onPiece: heard,
  };
  const encoding = headers.get('content-encoding') ?? '';
  const body = readBody(answer.body, encoding, limits, { translate, onClosed: close });
  // The body is decoded here, and these two headers describe the encoded one.
  if (headers.has('content-encoding')) headers.delete('content-length');
  headers.delete('content-encoding');
  return new Response(body, { status, headers });
}

function translateHttpError(error: unknown, signal: AbortSignal | undefined): ConnectorError {
  if (signal?.aborted) return cancelled(error);
  const known = translateNetworkError(error);
  if (known !== undefined) return known;
  const code = codeOf(error);
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH')
    return invalidRequest(error);
  return new ConnectorError('protocol_error', 'The answer of the server is not valid HTTP.', {
    ...(code === undefined ? {} : { nativeCode: code }),
    cause: error,
  });
}

function invalidRequest(cause?: unknown): ConnectorError {
  return new ConnectorError(
    'invalid_config',
    'The request has a method, header or path that cannot be sent.',
    {
      remedy:
        'Use plain header names and values without line breaks, and no header that decides destination or framing.',
      cause,
    },
  );
}
