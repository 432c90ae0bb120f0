import type { Route, RouteInput, RouteResponse } from '@mooring/contract/route';
import fastJsonStringify from 'fast-json-stringify';
import { z } from 'zod';
import type { Caller } from '../../core/access/caller.js';
import { invalidField } from '../../core/errors/app-error.js';
import type { Idempotency } from '../../core/idempotency/idempotency.js';
import type { WrittenAnswer } from '../../core/idempotency/kept-answer.js';
import { type BoundRoute, handled, type Reply, type RequestScope } from './handler.js';
import { type Serialise, writeList } from './list-stream.js';
import { createRevision } from './revision.js';

type Input = RouteInput<Route>;
type Scope = RequestScope<Caller | undefined>;
type Answering = (input: Input, scope: Scope) => Promise<WrittenAnswer | typeof handled>;

/**
 * A function that serializes only what the response schema names, so that an internal field cannot leak. Unions are
 * parsed by zod, which strips in the same way. Others are compiled at their first response: compiling all of them would
 * add a tenth of a second to every start.
 */
function compileSerialiser(response: RouteResponse | undefined): Serialise {
  const schema = response?.schema;
  if (!schema) return (body) => JSON.stringify(body);
  if (schema instanceof z.ZodUnion) return (body) => JSON.stringify(schema.parse(body));
  let compiled: Serialise | undefined;
  return (body) => {
    compiled ??= compile(schema);
    return compiled(body);
  };
}

function compile(schema: z.ZodType): Serialise {
  const { $schema, ...jsonSchema } = z.toJSONSchema(schema, { unrepresentable: 'any', reused: 'inline' });
  return fastJsonStringify(jsonSchema as Parameters<typeof fastJsonStringify>[0]);
}

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

/** `ETag` of a version: RFC 9110 section 8.8.3. */
const entityTag = (version: string): string => `"${version}"`;

/**
 * The versions that `If-Match` accepts; undefined without a condition. `*` is not a condition here: the resource must
 * always exist. A weak tag never matches (RFC 9110 section 13.1.1).
 * @throws InvalidRequest
 */
function expectedVersions(header: string | undefined): ReadonlySet<string> | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map((tag) => tag.trim());
  if (tags.length > 20 || tags.some((tag) => !/^(W\/)?"[\x21\x23-\x7e]{0,128}"$/.test(tag))) {
    throw invalidField('If-Match', 'must be * or a list of ETags in double quotes');
  }
  return new Set(tags.filter((tag) => tag.startsWith('"')).map((tag) => tag.slice(1, -1)));
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

/** @throws InvalidRequest */
function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters, for instance a UUID');
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
