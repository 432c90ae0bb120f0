import { ConnectorError } from '../../interface/errors.js';
import type { Network, NetworkRequest } from '../../interface/network.js';
import type { Parameters } from '../../interface/plan.js';
import type { Secret } from '../../interface/secret.js';
import { createByteCollector } from '../../kit/byte-collector.js';
import { ClickHouseException, exceptionIn } from './errors.js';

// ClickHouse's HTTP interface (ClickHouse documentation, "HTTP interface").

/** Where a session's statements go, and as whom. */
export interface ClickHouseOptions {
  host: string;
  port: number;
  secure: boolean;
  /** PEM texts. */
  ca?: string | undefined;
  database?: string | undefined;
  username: string;
  /** Absent: the server knows the user by the certificate. */
  password?: Secret<string> | undefined;
  clientCertificate?: NetworkRequest['clientCertificate'];
}

/** One statement. */
export interface ClickHouseRequest {
  sql: string;
  /** Names it, for `KILL QUERY`. */
  id?: string;
  format?: 'ArrowStream' | 'JSONCompact';
  settings?: Readonly<Record<string, string>>;
  parameters?: Parameters | undefined;
  signal: AbortSignal;
}

/** Answers that are not record batches: lists of names and types. */
const ANSWER_BYTES_MAX = 16 * 1_048_576;
const WORDS_BYTES_MAX = 64 * 1024;

/** A value as ClickHouse parses the one of a parameter: the `TabSeparated` escapes. */
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\0': '\\0',
};
const escaped = (text: string) =>
  text.replaceAll(/[\\\t\n\r\0]/g, (character) => escapes[character] ?? character);

/** @throws ConnectorError `invalid_query` for parameters that are not named */
function parameterPairs(parameters: Parameters): [name: string, value: string][] {
  if (Array.isArray(parameters)) {
    throw new ConnectorError('invalid_query', 'ClickHouse has named parameters.', {
      remedy: 'Write {name:Type} in the query, and give the values as an object.',
    });
  }
  return Object.entries(parameters).map(([name, given]) => {
    if (!/^[A-Za-z_]\w{0,63}$/.test(name)) {
      throw new ConnectorError(
        'invalid_query',
        'The name of a parameter has letters, digits and underscores.',
      );
    }
    const value = typeof given === 'object' && given !== null ? given.value : given;
    return [`param_${name}`, value === null ? '\\N' : escaped(String(value))];
  });
}

function urlOf({ host, port, secure, database }: ClickHouseOptions, request: ClickHouseRequest): string {
  const name = host.includes(':') ? `[${host}]` : host;
  const url = new URL(`${secure ? 'https' : 'http'}://${name}:${port}/`);
  const { id, format, settings = {}, parameters = {} } = request;
  const all = [
    ...(database === undefined ? [] : [['database', database]]),
    ...(id === undefined ? [] : [['query_id', id]]),
    ...(format === undefined ? [] : [['default_format', format]]),
    ...Object.entries(settings),
    ...parameterPairs(parameters),
  ];
  for (const [key = '', value = ''] of all) url.searchParams.append(key, value);
  return url.href;
}

/** At most so many bytes of a body. */
async function beginningOf(response: Response, bytesMax: number): Promise<Buffer> {
  const collected = createByteCollector();
  for await (const chunk of chunksOf(response)) {
    collected.append(chunk);
    if (collected.length > bytesMax) break;
  }
  return collected.take();
}

/** Leaving the iteration is not enough to end the connection: the request's signal does. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) yield next.value;
}

async function failureOf(response: Response): Promise<ClickHouseException> {
  const body = await beginningOf(response, WORDS_BYTES_MAX);
  const code = response.headers.get('x-clickhouse-exception-code') ?? undefined;
  const said = exceptionIn(body);
  const known = code !== undefined && /^\d{1,5}$/.test(code) ? code : said?.code;
  return new ClickHouseException(said?.message ?? '', { code: known, status: response.status });
}

/** Source: ClickHouse documentation, "SSL X.509 certificate authentication", for users without a password. */
function signInOf({ username, password }: ClickHouseOptions): Record<string, string> {
  if (password === undefined)
    return { 'x-clickhouse-user': username, 'x-clickhouse-ssl-certificate-auth': 'on' };
  return { authorization: `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}` };
}

/**
 * Sends a statement.
 * @throws ClickHouseException for an answer that says at once that it failed
 */
export async function send(
  network: Network,
  options: ClickHouseOptions,
  request: ClickHouseRequest,
): Promise<Response> {
  const { ca, clientCertificate } = options;
  const response = await network.fetch(urlOf(options, request), {
    method: 'POST',
    headers: { ...signInOf(options), 'content-type': 'text/plain; charset=utf-8' },
    body: request.sql,
    signal: request.signal,
    ...(ca === undefined ? {} : { ca }),
    ...(clientCertificate ? { clientCertificate } : {}),
  });
  const isAnswer = response.status === 200 && !response.headers.has('x-clickhouse-exception-code');
  if (!isAnswer) throw await failureOf(response);
  return response;
}

/** The rows of an answer in `JSONCompact`. @throws ConnectorError `protocol_error` for another answer */
export async function rowsIn(response: Response): Promise<unknown[][]> {
  const body = await beginningOf(response, ANSWER_BYTES_MAX);
  if (body.length > ANSWER_BYTES_MAX) {
    throw new ConnectorError('too_large', 'The server returned more names than can be read.');
  }
  try {
    const { data } = JSON.parse(body.toString('utf8')) as { data?: unknown };
    if (Array.isArray(data) && data.every((row) => Array.isArray(row))) return data;
  } catch {
    // Told below, without the text.
  }
  throw exceptionIn(body) ?? new ClickHouseException('', { status: 0 });
}
