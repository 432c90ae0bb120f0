import { timeLimit } from '../../kit/deadline.js';
import type { JsonValue } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import type { Network, NetworkRequest } from '../../spec/network.js';
import { failureOfThrown } from './failures.js';

const bodyBytesMax = 64 * 1024 * 1024;
const redirectsMax = 3;
const refusalBytesMax = 64 * 1024;

/** How a source's requests are sent: the same for all of a session. */
export interface Exchange {
  network: Network;
  /** The caller's; aborting it ends a request with `cancelled`. */
  signal: AbortSignal;
  /** For one request, its answer and its redirects. */
  timeoutSeconds: number;
  /** The login can bring another token after a 401. */
  renewable: boolean;
  /** All headers of a request; with `renew` after the source answered 401 to the last ones. */
  headers: (renew: boolean) => Promise<Record<string, string>>;
  /** The error that a response outside 2xx means; `body` is its text, cut at 64 KB. */
  failure: (response: Response, body: string) => ConnectorError;
}

export type ExchangeRequest = Pick<NetworkRequest, 'method' | 'body' | 'ca' | 'clientCertificate'>;

/** A JSON answer as the source sent it. */
export interface Answer {
  /** Where it came from, after redirects. */
  url: URL;
  headers: Headers;
  text: string;
  /** Null for an empty body. */
  document: JsonValue;
}

/**
 * Resolves a reference that a source gave.
 * @param what Names it in the error, for instance `a redirect`.
 * @throws ConnectorError `protocol_error` unless it stays on the scheme, host and port of `base`.
 */
export function sameOrigin(reference: string, base: URL, what: string): URL {
  const url = URL.canParse(reference, base.href) ? new URL(reference, base.href) : undefined;
  if (!url || url.origin !== base.origin || url.username !== '' || url.password !== '') {
    throw new ConnectorError('protocol_error', `The source sent ${what} outside the connection's origin.`, {
      remedy: 'If the service really moved, set the connection’s URL to its new address.',
    });
  }
  url.hash = '';
  return url;
}

function parse(text: string, contentType: string | null): JsonValue {
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text) as JsonValue;
  } catch {
    // The parser's message quotes the text, so it is not kept as the cause.
    const isPage = contentType?.includes('html') === true;
    throw new ConnectorError(
      'protocol_error',
      `The source answered with ${isPage ? 'a web page' : 'no JSON'}.`,
      { remedy: isPage ? 'The URL may lead to a sign-in page: check it and the sign-in.' : 'Check the URL.' },
    );
  }
}

/** One request on its way; `stop` ends it where its body is not worth reading to the end. */
interface Attempt {
  network: Network;
  request: NetworkRequest;
  stop: AbortController;
}

/**
 * The beginning of a body. A short one is read whole, so that its connection can serve again. Cancelling the body
 * instead is no way out: on Node 20 a stream made by `Readable.toWeb` may then throw where nobody can catch it.
 */
async function beginningOf(response: Response, stop: AbortController): Promise<string> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (reader && bytes <= refusalBytesMax) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString('utf8');
    chunks.push(value);
    bytes += value.length;
  }
  stop.abort();
  return Buffer.concat(chunks).toString('utf8', 0, refusalBytesMax);
}

/** Redirects stay on the origin: the request carries the person's secret. */
async function follow({ network, request, stop }: Attempt, start: URL) {
  let url = start;
  for (let hop = 0; ; hop += 1) {
    const response = await network.fetch(url.href, request);
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return { url, response, stop };
    await beginningOf(response, stop);
    if (hop === redirectsMax) {
      throw new ConnectorError('protocol_error', `The source redirects more than ${redirectsMax} times.`);
    }
    // 301 to 303 would turn a POST into a GET (RFC 9110 section 15.4), which is another question.
    if (request.method === 'POST' && response.status < 307) {
      throw new ConnectorError('protocol_error', 'The source redirects the POST to a GET.');
    }
    url = sameOrigin(location, url, 'a redirect');
  }
}

/**
 * Sends one request and reads the JSON answer. A login whose token the source refuses is renewed once.
 * @throws ConnectorError for every failure; none of them repeats what the source sent.
 */
export async function exchangeJson(exchange: Exchange, url: URL, request: ExchangeRequest): Promise<Answer> {
  const deadline = timeLimit(exchange.timeoutSeconds * 1000);
  const attempt = async (renew: boolean) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([exchange.signal, deadline, stop.signal]);
    const headers = await exchange.headers(renew);
    signal.throwIfAborted();
    const complete = { ...request, headers, signal, bodyBytesMax };
    return follow({ network: exchange.network, request: complete, stop }, url);
  };
  try {
    let answered = await attempt(false);
    if (answered.response.status === 401 && exchange.renewable) {
      await beginningOf(answered.response, answered.stop);
      answered = await attempt(true);
    }
    const { response } = answered;
    if (!response.ok) throw exchange.failure(response, await beginningOf(response, answered.stop));
    const text = await response.text();
    const document = parse(text, response.headers.get('content-type'));
    return { url: answered.url, headers: response.headers, text, document };
  } catch (error) {
    throw failureOfThrown(error, { caller: exchange.signal, deadline });
  }
}
