import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import { openApiDocument } from '@mooring/contract/openapi';
import type { FastifyInstance } from 'fastify';

/** `/docs`: the API reference with calls to try. Every asset comes from the package; nothing from the network. */
export async function registerDocs(app: FastifyInstance): Promise<void> {
  const document = openApiDocument() as object;
  await app.register(fastifySwagger, { mode: 'static', specification: { document: document as never } });
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: (policy) =>
      `${policy.replace(/upgrade-insecure-requests;?/, '')}; frame-ancestors 'none'; connect-src 'self'`,
    uiConfig: { persistAuthorization: false, displayRequestDuration: true, tryItOutEnabled: true },
    theme: { title: 'Mooring API' },
  });
}
