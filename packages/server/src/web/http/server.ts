import type { RouteInput } from '@mooring/contract/route';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Caller } from '../../core/access/caller.js';
import type { Admitted } from '../../core/access/load-caller.js';
import type { RecordRefusedDestination } from '../../core/audit/refused-destinations.js';
import { newUuid } from '../../core/crypto/random.js';
import { AppError } from '../../core/errors/app-error.js';
import { errorReply, writeErrorBody } from '../../core/errors/error-answer.js';
import type { Idempotency } from '../../core/idempotency/idempotency.js';
import { parseInput } from '../../core/input/tolerance.js';
import { answeringOf } from './answering.js';
import { tokenOf } from './bearer-token.js';
import { answerClientError, translateFrameworkError } from './client-error.js';
import { clientSignal } from './client-signal.js';
import { type BoundRoute, handled, type RequestScope } from './handler.js';
import { acceptBodies, drainBody } from './json-body.js';
import { isKeptRoute, type KeptAnswers } from './kept-answers.js';
import { readInput } from './unknown-input.js';

export interface HttpDependencies {
  log: Logger;
  routes: readonly BoundRoute[];
  /** The caller of a bearer token; undefined when it is not valid. */
  admit: (token: string) => Promise<Admitted | undefined>;
  /** Reports an invalid token and the address it came from; throws when there were too many. */
  wrongToken: (remoteAddress: string) => void;
  /** Counts a request of a rate tier. @throws AppError when the rate limit is reached */
  takeRequest: (caller: Caller, tier: 1 | 2) => Promise<void>;
  idempotency: Idempotency;
  /** Absent while there is no store. */
  keptAnswers?: KeptAnswers;
  /** Records, before the response is sent, a request whose destination the network policy refuses. */
  destinationRefused: RecordRefusedDestination;
  /** Time in which a request must arrive completely, and its headers within a third of it. */
  requestMs: number;
  /** Addresses and ranges whose `X-Forwarded-For` is trusted. */
  trustedProxies: readonly string[];
  /** Concurrent connections of clients; further ones are closed at once. Absent: no limit. */
  connectionsMax?: number | undefined;
  /** True when the public URL is https, so that responses may carry HSTS. */
  isSecure: () => boolean;
  /** Why the service is not ready; undefined when it is. */
  notReady: () => string | undefined;
  observe: (route: string, method: string, status: number, seconds: number) => void;
}

const bodyBytesMax = 1024 * 1024;
const headerBytesMax = 16 * 1024;
/** The longest name, with every character percent-encoded. */
const nameBytesMax = 4096;
/** Links read `/v1/…`, as Qlik's do, and work. */
const publishedPath = /^\/v1\//;
/** Absolute form, as clients send it to a proxy (RFC 9112 section 3.2.2). */
const originOfTarget = /^https?:\/\/[^/?#]*(?=\/)/i;
/** Longer than the idle timeout of common proxies, which would otherwise reuse a closed connection. */
const keepAliveMs = 72_000;

/** Headers of every response; pages set their own policy. */
const defaultHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'x-frame-options': 'DENY',
} as const;

const neverAborted = new AbortController().signal;

async function admittedOf(request: FastifyRequest, deps: HttpDependencies): Promise<Admitted> {
  const token = tokenOf(request);
  const admitted = token === undefined ? undefined : await deps.admit(token);
  if (admitted?.caller.scopes) {
    throw new AppError('ACCESS-DENIED', `This API key is for ${admitted.caller.scopes.join(', ')} only.`);
  }
  if (admitted) return admitted;
  if (token === undefined) {
    throw new AppError('AUTHENTICATION-REQUIRED', 'Send an API key as: Authorization: Bearer <key>');
  }
  deps.wrongToken(request.ip);
  throw new AppError('AUTHENTICATION-REQUIRED', 'The API key is not valid, has expired or was revoked.');
}

/** Id of the connection that the path names. */
function connectionIdOf({ route }: BoundRoute, request: FastifyRequest): string | undefined {
  const { qID } = request.params as { qID?: string };
  return route.path.includes('/data-connections/') ? qID?.toLowerCase() : undefined;
}

function register(app: FastifyInstance, bound: BoundRoute, deps: HttpDependencies): void {
  const { route } = bound;
  const answering = answeringOf(bound, deps.idempotency);
  const needsStore = route.tag !== 'platform';
  const isKept = isKeptRoute(bound);
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ':$1'),
    config: { acceptsForm: route.bodyTypes?.includes('application/x-www-form-urlencoded') ?? false },
    handler: async (request, reply) => {
      const reason = needsStore ? deps.notReady() : undefined;
      if (reason !== undefined) throw new AppError('NOT-READY', reason);
      const keeping = isKept ? deps.keptAnswers?.begin(request) : undefined;
      const admitted = route.public ? undefined : await admittedOf(request, deps);
      const caller = admitted?.caller;
      if (caller && route.tier !== 'none') await deps.takeRequest(caller, route.tier);
      const input = {
        params: route.params && parseInput(route.params, request.params, 'path'),
        headers: route.headers && parseInput(route.headers, request.headers, 'headers'),
        ...readInput(route, request),
      } as unknown as RouteInput<typeof route>;
      const scope: RequestScope<Caller | undefined> = {
        caller,
        revision: undefined,
        traceId: request.id,
        signal: route.method === 'POST' ? clientSignal(request, reply) : neverAborted,
        request,
        reply,
      };
      const answer = await answering(input, scope).catch(async (error: unknown) => {
        const [first] = errorReply(error, request.id).body.errors;
        if (caller && first?.code === 'EGRESS-REFUSED') {
          const connectionId = connectionIdOf(bound, request);
          await deps.destinationRefused({
            ...{ by: caller, operation: route.id, traceId: request.id, connectionId },
          });
        }
        throw error;
      });
      if (answer === handled) return reply;
      reply.code(answer.status).headers(answer.headers);
      if (keeping && admitted && answer.status === 200 && answer.text !== undefined)
        deps.keptAnswers?.keep(keeping, { ...admitted, tier: route.tier }, reply, answer.text);
      return reply.send(answer.stream ?? answer.bytes ?? answer.text);
    },
  });
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  const answer = errorReply(translateFrameworkError(error), request.id);
  if (answer.isFault)
    log.error({ traceId: request.id, route: request.routeOptions.url, err: error }, 'request failed');
  reply.code(answer.status).header('content-type', 'application/json; charset=utf-8');
  drainBody(request, reply);
  if (answer.status === 401) reply.header('www-authenticate', 'Bearer');
  if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', String(answer.retryAfterSeconds));
  reply.send(writeErrorBody(answer.body));
}

/** At least a year, as the preload list of browsers requires. Browsers ignore it over http (RFC 6797 section 8.1). */
const secureHeaders = { 'strict-transport-security': 'max-age=31536000' } as const;

/** Fastify with every route of the contract, its errors and limits, and one log line for each request. */
export async function createHttpServer(deps: HttpDependencies): Promise<FastifyInstance> {
  const headers = () => ({ ...defaultHeaders, ...(deps.isSecure() ? secureHeaders : {}) });
  const app = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: deps.requestMs,
    connectionTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    genReqId: newUuid,
    requestIdHeader: false,
    trustProxy: deps.trustedProxies.length > 0 ? [...deps.trustedProxies] : false,
    http: {
      maxHeaderSize: headerBytesMax,
      headersTimeout: Math.ceil(deps.requestMs / 3),
      requestTimeout: deps.requestMs,
      // How late a timeout may be noticed.
      connectionsCheckingInterval: Math.min(Math.ceil(deps.requestMs / 12), 60_000),
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, headers()),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: nameBytesMax },
    rewriteUrl: ({ url = '' }) => url.replace(originOfTarget, '').replace(publishedPath, '/api/v1/'),
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    frameworkErrors: (error, request, reply) => sendError(error, request, reply as FastifyReply, deps.log),
  });
  if (deps.connectionsMax !== undefined) app.server.maxConnections = deps.connectionsMax;
  acceptBodies(app);
  app.addHook('onRequest', (request, reply, done) => {
    if (deps.notReady() === undefined && deps.keptAnswers?.answer(request, reply)) return;
    reply.headers(headers()).header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    deps.observe(route, request.method, reply.statusCode, reply.elapsedTime / 1000);
    deps.log.info(
      {
        traceId: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
    done();
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, deps.log));
  const paths = new Map<string, Set<string>>();
  for (const bound of deps.routes) {
    register(app, bound, deps);
    const key = bound.route.path.replace(/\{\w+\}/g, ':');
    paths.set(key, (paths.get(key) ?? new Set()).add(bound.route.method));
  }
  app.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(paths, request.url);
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    sendError(
      allowed.length > 0
        ? new AppError('METHOD-NOT-ALLOWED', `This path supports only ${allowed.join(', ')}.`)
        : new AppError('NOT-FOUND', 'Unknown path. See /docs for the API.'),
      request,
      reply,
      deps.log,
    );
  });
  return app;
}

function allowedMethods(paths: Map<string, Set<string>>, url: string): string[] {
  const segments = (url.split('?')[0] ?? '').replace(/\/+$/, '').split('/');
  for (const [path, methods] of paths) {
    const pattern = path.split('/');
    if (pattern.length !== segments.length) continue;
    if (pattern.every((part, index) => part === ':' || part === segments[index]))
      return [...methods].toSorted();
  }
  return [];
}
