import type { JsonValue } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Network, NetworkRequest } from '../../interface/network.js';
import { createByteCollector } from '../../kit/byte-collector.js';
import { timeLimit } from '../../kit/deadline.js';
import type { ParsingCaps } from '../../kit/json/caps.js';
import { collectJson } from '../../kit/json/document.js';
import { DoubledName } from '../../kit/json/exact.js';
import { notJson, notText, quoted } from '../../kit/json/failures.js';
import { NotText } from '../../kit/json/gauge.js';
import { type JsonSpan, parseSpan } from '../../kit/json/spans.js';
import { failureOfThrown, type HttpFailure } from './failures.js';

const redirectsMax = 3;
const refusalBytesMax = 64 * 1024;

/** How requests to a source are sent; the same for the whole session. */
export interface Exchange {
  network: Network;
  /** The caller's signal; aborting it ends a request with `cancelled`. */
  signal: AbortSignal;
  /** Covers one request with its response and redirects. */
  timeoutSeconds: number;
  /** The login can provide a new token after a 401. */
  renewable: boolean;
  /** All headers of a request; `renew` is set after a 401 on the previous headers. */
  headers: (renew: boolean) => Promise<Record<string, string>>;
  /** Where requests go that have the headers of the last call, instead of the origin of their URLs. */
  origin?: () => string | undefined;
  /** Maps a non-2xx response to an error; `body` is its text, truncated at 64 KB. */
  failure: (response: Response, body: string) => ConnectorError | HttpFailure;
}

export interface ExchangeRequest
  extends Pick<NetworkRequest, 'method' | 'body' | 'ca' | 'clientCertificate' | 'unverifiedTls'> {
  caps: ParsingCaps;
  /** Encoding of the responses, overriding the declared one. */
  encoding?: string | undefined;
}

/** A JSON response as the source sent it. */
export interface Answer {
  /** Its URL, after redirects. */
  url: URL;
  status: number;
  headers: Headers;
  /** Undefined for an empty body; the first of several values. */
  json: JsonSpan | undefined;
  /** The body has one value per line (NDJSON). */
  isSequence: boolean;
}

/**
 * Resolves a reference from the source.
 * @param what names it in the error, for instance `a redirect`
 * @throws ConnectorError `protocol_error` unless it stays on the scheme, host and port of `base`
 */
export function sameOrigin(reference: string, base: URL, what: string): URL {
  const url = URL.canParse(reference, base.href) ? new URL(reference, base.href) : undefined;
  if (!url || url.origin !== base.origin || url.username !== '' || url.password !== '') {
    throw new ConnectorError('protocol_error', `The source sent ${what} outside the connection's origin.`, {
      remedy: 'If the service has moved, set the connection’s URL to its new address.',
    });
  }
  url.hash = '';
  return url;
}

const remedy = 'Request smaller pages: set the page size, or filter the request.';

/**
 * The whole document of a response; null for an empty body.
 * @throws ConnectorError `protocol_error` for a malformed number, word or string
 */
export function documentOf({ json, headers }: Pick<Answer, 'json' | 'headers'>): JsonValue {
  try {
    return json === undefined ? null : parseSpan(json);
  } catch (error) {
    throw translateJsonError(error, headers);
  }
}

/** The parser's message quotes the text, so it is not kept as the cause. */
export function translateJsonError(error: unknown, headers: Headers): unknown {
  if (error instanceof NotText) return notText(error, 'the response');
  if (error instanceof DoubledName) return doubledMember(error.member);
  if (!(error instanceof SyntaxError)) return error;
  const isPage = headers.get('content-type')?.includes('html') === true;
  return isPage
    ? new ConnectorError('protocol_error', 'The source answered with a web page.', {
        remedy: 'The URL may point to a sign-in page: check the URL and the sign-in method.',
      })
    : new ConnectorError('protocol_error', notJson('The response of the source', error).message, {
        remedy: 'Check the response, for instance with curl: it may be truncated, or the URL may be wrong.',
      });
}

/** A repeated member on the path to the rows. */
function doubledMember(name: string): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `The response repeats the member ${quoted(name)} in one object.`,
    {
      remedy: 'Only one of the two values could be read. Member names must be unique within an object.',
    },
  );
}

/** One request in flight; `stop` aborts it when its body is not worth reading to the end. */
interface Attempt {
  network: Network;
  request: NetworkRequest;
  stop: AbortController;
}

/**
 * The start of a body. A short one is read to its end, so that its connection can be reused. Cancelling the body is not
 * an option: on Node 20, a stream from `Readable.toWeb` may then throw an error that cannot be caught.
 */
async function beginningOf(response: Response, stop: AbortController): Promise<string> {
  const reader = response.body?.getReader();
  const collected = createByteCollector();
  while (reader && collected.length <= refusalBytesMax) {
    const { done, value } = await reader.read();
    if (done) return collected.take().toString('utf8');
    collected.append(value);
  }
  stop.abort();
  return collected.take().toString('utf8', 0, refusalBytesMax);
}

/** The same path and query at another origin. */
const movedTo = (origin: string | undefined, { pathname, search, href }: URL): URL =>
  new URL(origin === undefined ? href : `${origin}${pathname}${search}`);

/** Media types for one JSON value per line. */
const isSequenceType = (contentType: string | null): boolean =>
  /^\s*(?:application|text)\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines|stream\+json)\b/i.test(
    contentType ?? '',
  );

/** The charset that a Content-Type declares (RFC 9110 section 8.3.2). */
const charsetOf = (contentType: string | null): string | undefined =>
  /;\s*charset\s*=\s*(?:"([^"]+)"|([^\s;,"]+))/i
    .exec(contentType ?? '')
    ?.slice(1)
    .find(Boolean);

/** The body as JSON, measured while it arrives. Abandoning it early closes its connection. */
async function jsonOf(
  response: Response,
  stop: AbortController,
  { caps, encoding }: Pick<ExchangeRequest, 'caps' | 'encoding'>,
) {
  const charset = encoding ?? charsetOf(response.headers.get('content-type'));
  const reader = response.body?.getReader();
  const next = async () => (await reader?.read())?.value;
  const isSequence = isSequenceType(response.headers.get('content-type'));
  try {
    return await collectJson({ next, charset, isSequence, caps, remedy });
  } catch (error) {
    stop.abort();
    throw translateJsonError(error, response.headers);
  }
}

/** Redirects stay on the origin, because the request carries the user's secret. */
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
    // 301 to 303 would turn a POST into a GET (RFC 9110 section 15.4), which is a different request.
    if (request.method === 'POST' && response.status < 307) {
      throw new ConnectorError('protocol_error', 'The source redirects the POST to a GET.');
    }
    url = sameOrigin(location, url, 'a redirect');
  }
}

/**
 * Sends one request and reads the JSON response. If the source rejects the token of a login, the token is renewed once.
 * @throws ConnectorError or what `failure` makes, without any text from the source
 */
export async function exchangeJson(
  exchange: Exchange,
  url: URL,
  { caps, encoding, ...request }: ExchangeRequest,
): Promise<Answer> {
  const deadline = timeLimit(exchange.timeoutSeconds * 1000);
  const attempt = async (renew: boolean) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([exchange.signal, deadline, stop.signal]);
    const headers = await exchange.headers(renew);
    signal.throwIfAborted();
    const complete = { ...request, headers, signal, bodyBytesMax: caps.documentBytes };
    return follow({ network: exchange.network, request: complete, stop }, movedTo(exchange.origin?.(), url));
  };
  try {
    let answered = await attempt(false);
    if (answered.response.status === 401 && exchange.renewable) {
      await beginningOf(answered.response, answered.stop);
      answered = await attempt(true);
    }
    const { response } = answered;
    if (!response.ok) throw exchange.failure(response, await beginningOf(response, answered.stop));
    const json = await jsonOf(response, answered.stop, { caps, encoding });
    const isSequence = isSequenceType(response.headers.get('content-type'));
    return { isSequence, url: answered.url, status: response.status, headers: response.headers, json };
  } catch (error) {
    throw failureOfThrown(error, { caller: exchange.signal, deadline });
  }
}
