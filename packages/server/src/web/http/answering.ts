import type { Route, RouteInput } from '@mooring/contract/route';
import type { Caller } from '../../core/access/caller.js';
import type { Idempotency } from '../../core/idempotency/idempotency.js';
import type { WrittenAnswer } from '../../core/idempotency/written-answer.js';
import { entityTag, expectedVersions } from './conditional.js';
import { type BoundRoute, handled, type Reply, type RequestScope } from './handler.js';
import { readIdempotencyKey } from './idempotency-key.js';
import { writeList } from './list-stream.js';
import { createRevision } from './revision.js';
import { compileSerialiser } from './serialise.js';

type Input = RouteInput<Route>;
type Scope = RequestScope<Caller | undefined>;
type Answering = (input: Input, scope: Scope) => Promise<WrittenAnswer | typeof handled>;

/** Serializes replies by the schemas of the route, so that only what they name is sent. */
function writerOf(route: Route): (reply: Reply) => WrittenAnswer {
  const serialisers = new Map(
    Object.entries(route.responses).map(([status, response]) => [
      Number(status),
      compileSerialiser(response),
    ]),
  );
  const json = { 'content-type': 'application/json; charset=utf-8' };
  return ({ status, body, list, headers = {} }) => {
    const serialise = serialisers.get(status) ?? JSON.stringify;
    if (list) return { status, headers: { ...headers, ...json }, stream: writeList(list, serialise) };
    if (body === undefined) return { status, headers };
    if (typeof body === 'string') return { status, headers, text: body };
    if (body instanceof Uint8Array) return { status, headers: { ...headers, ...json }, bytes: body };
    return { status, headers: { ...headers, ...json }, text: serialise(body) };
  };
}

/** `ETag` on reads, `If-Match` on writes (RFC 9110 sections 8.8.3 and 13.1.1). */
function conditionally(route: Route, answer: Answering): Answering {
  const { etag } = route;
  if (!etag) return answer;
  const isRead = route.method === 'GET';
  return async (input, scope) => {
    const expected = isRead ? undefined : expectedVersions(scope.request.headers['if-match']);
    const { revision, read, assertChecked } = createRevision(etag, expected);
    const result = await answer(input, { ...scope, revision });
    if (!isRead) assertChecked();
    if (!isRead || result === handled) return result;
    return { ...result, headers: { ...result.headers, etag: entityTag(read()) } };
  };
}

/** One response for each `Idempotency-Key`. */
function idempotently(
  { route, isStillThere }: BoundRoute,
  answer: Answering,
  idempotency: Idempotency,
): Answering {
  if (!route.idempotent) return answer;
  if (route.showsSecret && !isStillThere)
    throw new Error(`${route.id} shows a secret that it cannot look up`);
  return async (input, scope) => {
    const key = readIdempotencyKey(scope.request.headers['idempotency-key']);
    const { caller } = scope;
    if (key === undefined || !caller) return answer(input, scope);
    const secret = isStillThere && {
      keyId: caller.keyId,
      isStillThere: ({ text = '{}' }: WrittenAnswer) =>
        isStillThere(JSON.parse(text) as Record<string, unknown>, caller),
    };
    const request = { caller, route: route.id, key, input, ...(secret ? { secret } : {}) };
    return idempotency.once(request, async () => {
      const written = await answer(input, scope);
      if (written === handled) throw new Error(`${route.id} answers a stream and cannot be idempotent`);
      return written;
    });
  };
}

/** Everything between a parsed request and the bytes of its response. */
export function answeringOf(bound: BoundRoute, idempotency: Idempotency): Answering {
  const { route, handler } = bound;
  const write = writerOf(route);
  const answer: Answering = async (input, scope) => {
    const reply = await handler(input, scope);
    return reply === handled ? handled : write(reply);
  };
  return idempotently(bound, conditionally(route, answer), idempotency);
}
