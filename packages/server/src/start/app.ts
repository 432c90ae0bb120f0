import { manifests } from '@mooring/connectors/registry';
import { connectionsAtOnce } from '../core/isolation/open-files.js';
import { createEcho } from '../core/self-check/echo.js';
import { createSelfCheck } from '../core/self-check/self-check.js';
import { registerDocs } from '../web/features/platform/docs.js';
import { createKeptAnswers } from '../web/http/kept-answers.js';
import { createHttpServer } from '../web/http/server.js';
import { createMetrics } from './metrics.js';
import { type AppDependencies, createRooms } from './rooms.js';
import { routesOf } from './routes.js';

/** The service, and the rooms that its start and its stop work with. */
export type App = Awaited<ReturnType<typeof createApp>>;

/** The composition root: makes every room and connects them; nothing is decided here. */
export async function createApp(given: AppDependencies) {
  const { config, log, publicUrl } = given;
  const rooms = createRooms(given);
  const { authenticator, destinationRefused, gate, guesses, idempotency, rates } = rooms;
  const { isolation, runners, sessions } = rooms;
  const echo = createEcho();
  const { now } = given.store.clock;
  const selfCheck = createSelfCheck({ config, publicUrl, manifests, network: gate, now, echo, runners });
  const metrics = createMetrics({ gate, sessions, isolation, runners });
  const routes = routesOf({ ...rooms, metrics, echo, selfCheck });
  const http = await createHttpServer({
    log,
    routes,
    admit: authenticator.admit,
    wrongToken: guesses.failed,
    takeRequest: async (caller, tier) => rates?.take(caller, tier),
    idempotency,
    keptAnswers: createKeptAnswers({
      changes: given.store.changes,
      now,
      takeNow: (caller, tier) => rates?.takeNow(caller, tier) ?? true,
    }),
    destinationRefused,
    trustedProxies: config.trustedProxies,
    requestMs: config.limits.requestSeconds * 1000,
    connectionsMax: connectionsAtOnce(),
    isSecure: () => publicUrl().startsWith('https:'),
    notReady: given.notReady,
    observe: metrics.observe,
  });
  registerDocs(http, publicUrl);
  return { ...rooms, http, routes, selfCheck, metrics };
}
