import { openApiDocument } from '@mooring/contract/openapi';
import {
  getCsrfToken,
  getTenant,
  getTenantById,
  healthz,
  metrics,
  openapi,
  productInfo,
  readyz,
} from '@mooring/contract/routes/platform';
import { AppError } from '../../http/app-error.js';
import { type BoundRoute, bind, type Caller } from '../../http/handler.js';
import { type Echo, echoHeader } from '../../self-check/echo.js';
import type { Store } from '../../store/store.js';
import { newToken } from '../../vault/random.js';

export interface Check {
  ok: boolean;
  detail?: string;
}

export interface PlatformDependencies {
  store: Store;
  publicUrl: () => string;
  echo: Echo;
  checks: () => Promise<Record<string, Check>>;
  metricsText: () => Promise<{ text: string; contentType: string }>;
}

const isLoopback = (address: string): boolean => /^(::1|::ffff:127\.|127\.)/.test(address);

/** Health, readiness, metrics, the API description and what Qlik's client probes. */
export function createPlatformFeature(deps: PlatformDependencies): BoundRoute[] {
  const csrfToken = newToken();

  const tenantOf = async (caller: Caller) => {
    const tenant = await deps.store.db
      .selectFrom('tenant')
      .selectAll()
      .where('id', '=', caller.tenantId)
      .executeTakeFirstOrThrow();
    return {
      id: tenant.id,
      name: tenant.name,
      hostnames: [new URL(deps.publicUrl()).host],
      status: 'active',
      created: tenant.created_at,
      lastUpdated: tenant.created_at,
      links: { self: { href: `${deps.publicUrl()}/api/v1/tenants/me` } },
    };
  };

  return [
    bind(healthz, async (_input, { request }) => {
      const asked = request.headers[echoHeader];
      const headers = typeof asked === 'string' ? { [echoHeader]: deps.echo.answer(asked) } : {};
      return { status: 200, body: { status: 'ok' }, headers };
    }),
    bind(readyz, async () => {
      const checks = await deps.checks();
      const isReady = Object.values(checks).every((check) => check.ok);
      return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', checks } };
    }),
    bind(metrics, async (_input, { request }) => {
      if (!isLoopback(request.ip)) {
        throw new AppError(
          'AUTHENTICATION-REQUIRED',
          'Metrics are for clients on the same machine. Scrape through a local agent.',
        );
      }
      const { text, contentType } = await deps.metricsText();
      return { status: 200, body: text, headers: { 'content-type': contentType } };
    }),
    bind(openapi, async () => ({ status: 200, body: openApiDocument() })),
    bind(productInfo, async () => ({
      status: 200,
      body: { composition: { deploymentType: '', productName: 'Mooring', releaseLabel: '-' } },
    })),
    bind(getCsrfToken, async () => ({ status: 204, headers: { 'qlik-csrf-token': csrfToken } })),
    bind(getTenant, async (_input, { caller }) => ({ status: 200, body: await tenantOf(caller) })),
    bind(getTenantById, async ({ params }, { caller }) => {
      if (params.tenantId !== caller.tenantId) throw new AppError('NOT-FOUND', 'There is no such tenant.');
      return { status: 200, body: await tenantOf(caller) };
    }),
  ];
}
