import type { z } from 'zod';
import type { ErrorCode } from './errors.js';

/** Qlik's rate limit tiers, in requests per minute: 1 = 1,000, 2 = 100; `none` for operational paths. */
export type RateTier = 1 | 2 | 'none';

export interface RouteResponse {
  description: string;
  /** JSON body; absent for an empty body or a stream. */
  schema?: z.ZodType;
  /** Media types of a body that is not JSON. */
  contentTypes?: readonly string[];
}

/** For Qlik's operations, and those to which third parties add parameters (OAuth redirects). */
export interface IgnoredInput {
  /** Query parameters that look like a filter are refused even so; the value says what to use instead. */
  filters?: Readonly<Record<string, string>>;
}

/**
 * One HTTP operation: the single source for clients, tests, documentation and the server. Handlers receive input
 * parsed by these schemas.
 */
export interface Route {
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with `{name}` parameters. */
  path: string;
  summary: string;
  description?: string;
  tag: string;
  /** Needs no authentication. Absent: needs an API key or an access token. */
  public?: true;
  /** Documentation of the required permission; the server's `access` room decides. */
  permission: string;
  tier: RateTier;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** Media types of the body; default: JSON. */
  bodyTypes?: readonly ('application/json' | 'application/x-www-form-urlencoded')[];
  /**
   * Unknown members of the body and unknown query parameters are ignored, as clients of this operation expect.
   * Absent: each of them is a 400 that names it.
   */
  unknownInput?: IgnoredInput;
  /** A create that honours `Idempotency-Key`. */
  idempotent?: true;
  /** The answer shows a secret once: it is replayed to the same API key or access token only, while the resource exists. */
  showsSecret?: true;
  /** Kind of resource that `ETag` and `If-Match` refer to. */
  etag?: 'connection' | 'credential' | 'space';
  responses: Readonly<Record<number, RouteResponse>>;
  errors: readonly ErrorCode[];
}

/** Keeps the literal types, so that handlers get typed input. */
export function defineRoute<const Definition extends Route>(definition: Definition): Definition {
  return definition;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler of this route receives. */
export interface RouteInput<Definition extends Route> {
  params: Parsed<Definition['params']>;
  query: Parsed<Definition['query']>;
  headers: Parsed<Definition['headers']>;
  body: Parsed<Definition['body']>;
}
