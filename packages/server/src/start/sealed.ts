import { healthz, readyz } from '@mooring/contract/routes/platform';
import type { Logger } from 'pino';
import type { Config } from '../core/config/config.js';
import { AppError } from '../core/errors/app-error.js';
import { bind } from '../web/http/handler.js';
import { createHttpServer } from '../web/http/server.js';
import { listen } from './listen.js';

export interface SealedServer {
  url: string;
  close(): Promise<void>;
}

export interface SealedOptions {
  config: Config;
  log: Logger;
  /** What is wrong and what to do; for the log. */
  reason: string;
}

/** Serves while the store cannot be opened: alive, not ready, 503 for everything else. */
export async function sealedServer({ config, log, reason }: SealedOptions): Promise<SealedServer> {
  const http = await createHttpServer({
    log,
    routes: [
      bind(healthz, async () => ({ status: 200, body: { status: 'ok' } })),
      bind(readyz, async () => ({
        status: 503,
        // The reason names local paths, so only the log has it.
        body: {
          status: 'not ready',
          checks: { store: { ok: false, detail: 'Sealed. See the log for the reason.' } },
        },
      })),
    ],
    admit: async () => undefined,
    wrongToken: () => undefined,
    trustedProxies: [],
    takeRequest: async () => undefined,
    idempotency: { once: (_request, work) => work(), purge: async () => undefined },
    requestMs: config.limits.requestSeconds * 1000,
    isSecure: () => config.publicUrl?.startsWith('https:') ?? false,
    destinationRefused: async () => undefined,
    notReady: () => reason,
    observe: () => undefined,
  });
  http.addHook('onRequest', async (request) => {
    if (request.routeOptions.url !== undefined) return;
    throw new AppError(
      'NOT-READY',
      'The service is sealed: its store or its master key is unavailable. Operators: see the log for the reason.',
    );
  });
  const url = await listen(http, config);
  log.error({ url, reason }, 'sealed: not ready');
  return { url, close: () => http.close() };
}
