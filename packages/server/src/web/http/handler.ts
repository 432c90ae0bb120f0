import type { Route, RouteInput } from '@mooring/contract/route';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../core/access/caller.js';
import type { ListStream } from './list-stream.js';
import type { RevisedTable, Revision } from './revision.js';

export interface Reply {
  status: number;
  /** Serialized by the schema of the route, unless it is text, or bytes of JSON. */
  body?: unknown;
  /** Instead of a body. */
  list?: ListStream;
  headers?: Record<string, string>;
}

/** The handler writes the response itself. */
export const handled = Symbol('handled');

export interface RequestScope<CallerType = Caller, RevisionType = Revision | undefined> {
  caller: CallerType;
  /** Of the row that the request is about, on routes with `etag`. */
  revision: RevisionType;
  traceId: string;
  /** Aborted when the client disconnects before the response is complete. */
  signal: AbortSignal;
  request: FastifyRequest;
  reply: FastifyReply;
}

type CallerOf<Definition extends Route> = Definition['public'] extends true ? undefined : Caller;

type RevisionOf<Definition extends Route> = Definition['etag'] extends RevisedTable
  ? Revision<Definition['etag']>
  : undefined;

export type Handler<Definition extends Route> = (
  input: RouteInput<Definition>,
  scope: RequestScope<CallerOf<Definition>, RevisionOf<Definition>>,
) => Promise<Reply | typeof handled>;

/** Whether the secret in a response is still valid: only then is the response repeated. */
export type IsStillThere = (answered: Record<string, unknown>, caller: Caller) => Promise<boolean>;

/** A route with its handler. */
export interface BoundRoute {
  route: Route;
  handler: (
    input: RouteInput<Route>,
    scope: RequestScope<Caller | undefined>,
  ) => Promise<Reply | typeof handled>;
  isStillThere?: IsStillThere;
}

/** Ties a handler to its route; the types of the input follow from the route's schemas. */
export function bind<const Definition extends Route>(
  route: Definition,
  handler: Handler<Definition>,
  ...[isStillThere]: Definition['showsSecret'] extends true ? [IsStillThere] : []
): BoundRoute {
  // A list of routes erases their types; registration passes exactly what the schemas have parsed.
  return {
    ...{ route, handler: handler as unknown as BoundRoute['handler'] },
    ...(isStillThere ? { isStillThere } : {}),
  };
}
