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
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { newToken } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import { type Echo, echoHeader } from '../../../core/self-check/echo.js';
import type { Store } from '../../../core/store/store.js';
import { tokenOf } from '../../http/bearer-token.js';
import { type BoundRoute, bind } from '../../http/handler.js';

export interface Check {
  ok: boolean;
  detail?: string;
}

export interface PlatformDependencies {
  store: Store;
  publicUrl: () => string;
  echo: Echo;
  checks: () => Promise<Record<string, Check>>;
  authenticate: (token: string) => Promise<Caller | undefined>;
  /** Reports an invalid token and the address it came from; throws when there were too many. */
  wrongToken: (remoteAddress: string) => void;
  trustedProxies: readonly string[];
  /** Whether the service has a public URL, which may lead here through a proxy on this host. */
  hasPublicUrl: boolean;
  metricsText: () => Promise<{ text: string; contentType: string }>;
}

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(?:::1$|::ffff:127\.|127\.)/.test(address);
const forwardingHeaders = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/** Health, readiness, metrics, the API description, and what Qlik's clients probe. */
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

  /**
   * Judged by the peer of the socket, not by what the request claims. A proxy on this host is a local peer too; it is
   * recognized by the headers it adds, or, as it may add none, by the public URL that leads to it.
   */
  const isLocal = ({ raw, headers }: FastifyRequest): boolean =>
    isLoopback(raw.socket.remoteAddress) &&
    forwardingHeaders.every((name) => headers[name] === undefined) &&
    (!deps.hasPublicUrl || deps.trustedProxies.length > 0);

  const assertMetricsKey = async (request: FastifyRequest): Promise<void> => {
    const token = tokenOf(request);
    const caller = token === undefined ? undefined : await deps.authenticate(token);
    // The current role counts, not the role at the time the key was made.
    if (caller?.scopes?.includes('metrics') && isAdministratorOf(caller, 'personal')) return;
    if (token !== undefined && !caller) deps.wrongToken(request.ip);
    throw new AppError(
      'AUTHENTICATION-REQUIRED',
      'Metrics need a client on the same machine, or an API key with the scope metrics.',
    );
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
      if (!isLocal(request)) await assertMetricsKey(request);
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
