import { once } from 'node:events';
import { type IncomingMessage, request as send } from 'node:http';

export interface HttpRequest {
  url: URL;
  method: string;
  /** API key of the caller; absent before they have one. */
  key?: string;
  accept?: string;
  /** Sent as JSON. */
  body?: unknown;
  signal: AbortSignal;
}

/** A complete answer. */
export interface HttpAnswer {
  status: number;
  bytes: Buffer;
  text: string;
  /** The parsed body where it is JSON. */
  body: unknown;
  /** The trailer `Mooring-Stream`, which `fetch` would not show. */
  streamTrailer: string | undefined;
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * One HTTP request, as an external client would send it.
 * @throws the network error, also when the answer is cut off.
 */
export async function callHttp({ url, method, key, accept, body, signal }: HttpRequest): Promise<HttpAnswer> {
  const json = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(accept === undefined ? {} : { accept }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const outgoing = send(url, { method, headers, agent: false, signal });
  outgoing.end(json);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const bytes = await readAll(response);
  const text = bytes.toString();
  const isJson = /^application\/json\b/.test(response.headers['content-type'] ?? '');
  const trailer = response.trailers['mooring-stream'];
  return {
    status: response.statusCode ?? 0,
    bytes,
    text,
    body: isJson && text !== '' ? (JSON.parse(text) as unknown) : undefined,
    streamTrailer: Array.isArray(trailer) ? trailer.join() : trailer,
  };
}
