import type { z } from 'zod';
import type { Route } from './route.js';

// An API client typed by the same route objects as the server, so that the compiler checks input and answers. Used by
// the console, the command line and tests.

type Input<Schema> = Schema extends z.ZodType ? z.input<Schema> : never;

/** Member `Name` with the schema's input type; optional when every member of the schema is. */
type Part<Name extends string, Schema> = [Schema] extends [z.ZodType]
  ? Record<never, never> extends Input<Schema>
    ? { [Key in Name]?: Input<Schema> }
    : { [Key in Name]: Input<Schema> }
  : { [Key in Name]?: undefined };

/** What a call of this operation takes. */
export type CallInput<Definition extends Route> = Part<'params', Definition['params']> &
  Part<'query', Definition['query']> &
  Part<'headers', Definition['headers']> &
  Part<'body', Definition['body']>;

type Responses<Definition extends Route> = Definition['responses'][keyof Definition['responses']];

/** What a call of this operation returns: the body of any of its success answers; undefined for an empty one. */
export type CallResult<Definition extends Route> =
  Responses<Definition> extends infer Answer
    ? Answer extends { schema: infer Schema extends z.ZodType }
      ? z.output<Schema>
      : undefined
    : never;

/** One item of an error answer; `code` is stable and listed in the error table. */
export interface ApiErrorItem {
  code: string;
  title: string;
  detail?: string;
  meta?: Record<string, unknown>;
}

/** An answer with an error status. The message has operation, status and the errors of the answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: readonly ApiErrorItem[];
  readonly traceId: string | undefined;
  /** From `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(operation: string, response: Response, body: unknown) {
    const { errors, traceId } = readErrors(body);
    const reported = errors.map(({ code, title, detail }) => `${code}: ${detail ?? title}`).join(' ');
    const words = reported || `This is not an answer of Mooring. Check the address ${originOf(response)}.`;
    super(`${operation} answered ${response.status}. ${words}`.trim());
    this.name = 'ApiError';
    this.status = response.status;
    this.errors = errors;
    this.traceId = traceId;
    const wait = Number(response.headers.get('retry-after') ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(wait) ? wait : undefined;
  }

  is(code: string): boolean {
    return this.errors.some((error) => error.code === code);
  }
}

const originOf = ({ url }: Response): string => (URL.canParse(url) ? new URL(url).origin : 'of the server');

/** No answer. The message has the origin and the error code of the system. */
export class UnreachableError extends Error {
  override name = 'UnreachableError';

  constructor(url: URL, cause: unknown) {
    const { code } = ((cause as Error).cause ?? {}) as { code?: unknown };
    const why = typeof code === 'string' ? ` (${code})` : '';
    super(
      /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY/.test(why)
        ? `The certificate of ${url.origin} is not trusted${why}. Set NODE_EXTRA_CA_CERTS to the file of its CA.`
        : `${url.origin} does not answer${why}. Check that the server is running and that the address is right.`,
      { cause },
    );
  }
}

function readErrors(body: unknown): { errors: ApiErrorItem[]; traceId: string | undefined } {
  const { errors, traceId } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  return {
    errors: Array.isArray(errors) ? (errors as ApiErrorItem[]) : [],
    traceId: typeof traceId === 'string' ? traceId : undefined,
  };
}

export interface ClientOptions {
  /** Base URL of the server, without `/api`. */
  url: string;
  /** API key or access token; omit for public operations. */
  token?: string;
  /** Default: the global `fetch`. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The server executes the request once per key; for operations that are `idempotent`. */
  idempotencyKey?: string;
}

export interface ApiClient {
  /**
   * @throws ApiError for an error status, or an answer that is not Mooring's; UnreachableError without an answer
   */
  call<const Definition extends Route>(
    route: Definition,
    ...input: Record<never, never> extends CallInput<Definition>
      ? [input?: CallInput<Definition>, options?: CallOptions]
      : [input: CallInput<Definition>, options?: CallOptions]
  ): Promise<CallResult<Definition>>;
  /** For operations that stream: the response, its body unread. */
  open<const Definition extends Route>(
    route: Definition,
    input: CallInput<Definition> & { accept: string },
    options?: CallOptions,
  ): Promise<Response>;
}

interface LooseInput {
  params?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
  headers?: Record<string, unknown> | undefined;
  body?: unknown;
}

function addressOf(base: string, route: Route, { params = {}, query = {} }: LooseInput): URL {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(params[name])),
  );
  const url = new URL(base.replace(/\/+$/, '') + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '' || !response.headers.get('content-type')?.includes('json')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A client for one API key or access token or, without `token`, for public operations. */
export function createApiClient(options: ClientOptions): ApiClient {
  const send = async (
    route: Route,
    input: LooseInput,
    accept: string,
    { signal, idempotencyKey }: CallOptions,
  ) => {
    const headers = new Headers({ accept });
    if (options.token !== undefined) headers.set('authorization', `Bearer ${options.token}`);
    if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
    for (const [name, value] of Object.entries(input.headers ?? {})) {
      if (value !== undefined) headers.set(name, String(value));
    }
    if (input.body !== undefined) headers.set('content-type', 'application/json');
    const url = addressOf(options.url, route, input);
    const response = await (options.fetch ?? fetch)(url, {
      method: route.method,
      headers,
      redirect: 'manual',
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      ...(signal ? { signal } : {}),
    }).catch((error: unknown) => {
      throw error instanceof TypeError ? new UnreachableError(url, error) : error;
    });
    if (!response.ok) throw new ApiError(route.id, response, await bodyOf(response));
    return response;
  };

  return {
    async call(route, ...[input, callOptions]) {
      const response = await send(route, (input ?? {}) as LooseInput, 'application/json', callOptions ?? {});
      const body = await bodyOf(response);
      const isExpected = route.responses[response.status]?.schema !== undefined;
      if (body === undefined && isExpected) throw new ApiError(route.id, response, undefined);
      return body as never;
    },
    open: (route, { accept, ...input }, callOptions) =>
      send(route, input as unknown as LooseInput, accept, callOptions ?? {}),
  };
}
