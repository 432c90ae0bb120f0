import type { Route, RouteInput } from '@mooring/contract/route';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../core/access/caller.js';
import type { ListStream } from './list-stream.js';

export interface Reply {
  status: number;
  /** Written by the schema of the route, unless it is a text, or the bytes of JSON that were written elsewhere. */
  body?: unknown;
  /** Instead of a body. */
  list?: ListStream;
  headers?: Record<string, string>;
}

/** The handler has written, or will write, the answer on the raw response. */
export const handled = Symbol('handled');

export interface RequestScope<CallerType = Caller> {
  caller: CallerType;
  traceId: string;
  /** Aborted when the client leaves before the answer is complete. */
  signal: AbortSignal;
  request: FastifyRequest;
  reply: FastifyReply;
}

type CallerOf<Definition extends Route> = Definition['auth'] extends 'person' ? Caller : undefined;

export type Handler<Definition extends Route> = (
  input: RouteInput<Definition>,
  scope: RequestScope<CallerOf<Definition>>,
) => Promise<Reply | typeof handled>;

/** Whether the secret that an answer showed can still be used: only then is the answer repeated. */
export type IsStillThere = (answered: Record<string, unknown>, caller: Caller) => Promise<boolean>;

/** A route with the code that answers it. */
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
  // The route's own types vanish in the list of all routes; registration feeds exactly what the schemas parsed.
  return {
    ...{ route, handler: handler as unknown as BoundRoute['handler'] },
    ...(isStillThere ? { isStillThere } : {}),
  };
}
