import type { z } from 'zod';
import type { ErrorCode } from './errors.js';

/** Who may call: `public` needs nothing, `person` needs an API key or access token. */
export type RouteAuth = 'public' | 'person';

/** Qlik's rate tiers: 1 = 1,000 a minute, 2 = 100 a minute; `none` for operational paths. */
export type RateTier = 1 | 2 | 'none';

export interface RouteResponse {
  description: string;
  /** JSON body; absent for an empty body or a stream. */
  schema?: z.ZodType;
  /** Media types of a body that is no JSON. */
  contentTypes?: readonly string[];
}

/** Of an operation of Qlik's, or one that others than its clients add parameters to. */
export interface PassedOver {
  /** Query parameters that would filter what is answered are refused all the same; with what does that here. */
  filters?: Readonly<Record<string, string>>;
}

/**
 * One HTTP operation. Everything about it that a client, a test, the documentation or the server must know is
 * here once; handlers get input that these schemas have parsed.
 */
export interface Route {
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with `{name}` parameters. */
  path: string;
  summary: string;
  description?: string;
  tag: string;
  auth: RouteAuth;
  /** The right the caller needs, in words; the decision itself is made in the server's access room. */
  permission: string;
  tier: RateTier;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** Media types of the body; absent: JSON. */
  bodyTypes?: readonly ('application/json' | 'application/x-www-form-urlencoded')[];
  /**
   * What the schemas do not know of body and query is passed over, as clients of this operation expect. Absent: each
   * such member and parameter is a 400 that names it.
   */
  passesOver?: PassedOver;
  /** A create that is done once for each `Idempotency-Key`. */
  idempotent?: true;
  /** The answer shows a secret this once: it is repeated to the same API key or token only, and while what it made is there. */
  showsSecret?: true;
  /** Kind of resource whose state `ETag` and `If-Match` are about. */
  etag?: 'connection' | 'credential' | 'space';
  responses: Readonly<Record<number, RouteResponse>>;
  errors: readonly ErrorCode[];
}

/** Keeps the literal types, so that handlers see their parsed input. */
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
