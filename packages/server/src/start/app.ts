import { manifests } from '@mooring/connectors/registry';
import type { FastifyInstance } from 'fastify';
import { connectionsAtOnce } from '../core/isolation/open-files.js';
import { createEcho } from '../core/self-check/echo.js';
import { createSelfCheck, type SelfCheck } from '../core/self-check/self-check.js';
import { registerDocs } from '../web/features/platform/docs.js';
import type { BoundRoute } from '../web/http/handler.js';
import { createHttpServer } from '../web/http/server.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type AccessRooms, accessRooms } from './rooms/access.js';
import { type CredentialRooms, credentialRooms } from './rooms/credentials.js';
import type { AppDependencies, Given } from './rooms/given.js';
import { routesOf } from './rooms/routes.js';
import { sourceRooms } from './rooms/sources.js';
import { type UseRooms, useRooms } from './rooms/uses.js';

/** The service, and the rooms that its start and its stop work with. */
export interface App
  extends Pick<AccessRooms, 'authenticator' | 'idempotency' | 'keyRotation' | 'rates' | 'refusals'>,
    Pick<CredentialRooms, 'grants' | 'keepAlive' | 'parked' | 'revoker' | 'signIns' | 'sweepOrphans'>,
    Pick<UseRooms, 'keeper' | 'revocationJobs' | 'runners' | 'runningUses' | 'uses'> {
  http: FastifyInstance;
  routes: readonly BoundRoute[];
  selfCheck: SelfCheck;
  metrics: Metrics;
}

/** The composition root: makes every room and connects them; nothing is decided here. */
export async function createApp(deps: AppDependencies): Promise<App> {
  const { config, log, publicUrl } = deps;
  const given: Given = { ...deps, now: () => new Date(deps.store.clock.now()) };
  const sources = sourceRooms(given);
  const { gate } = sources;
  const access = accessRooms(given);
  const { authenticator, destinationRefused, guesses, idempotency, rates } = access;
  const credentials = credentialRooms({ ...given, ...sources, ...access });
  const uses = useRooms({ ...given, ...sources, ...access, ...credentials });
  const { isolation, runners, sessions } = uses;
  const echo = createEcho();
  const selfCheck = createSelfCheck({ config, publicUrl, manifests, network: gate, echo, runners });
  const metrics = createMetrics({ gate, sessions, isolation, runners });
  const rooms = { ...sources, ...access, ...credentials, ...uses };
  const routes = routesOf({ ...given, ...rooms, metrics, echo, selfCheck });
  const http = await createHttpServer({
    log,
    routes,
    authenticate: (token) => authenticator.authenticate(token),
    wrongToken: guesses.failed,
    takeRequest: async (caller, tier) => rates?.take(caller, tier),
    idempotency,
    destinationRefused,
    trustedProxies: config.trustedProxies,
    requestMs: config.limits.requestSeconds * 1000,
    connectionsMax: connectionsAtOnce(),
    isSecure: () => publicUrl().startsWith('https:'),
    notReady: deps.notReady,
    observe: metrics.observe,
  });
  registerDocs(http);
  return { ...rooms, http, routes, selfCheck, metrics };
}
