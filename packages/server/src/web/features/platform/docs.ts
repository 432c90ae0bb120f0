import { openApiDocument } from '@mooring/contract/openapi';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

/** Only assets of this server; the hash is that of the style that Swagger UI puts into its document. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" width="150" height="40" viewBox="0 0 150 40" role="img" aria-label="Mooring">' +
  '<g fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"><circle cx="20" cy="10" r="3"/>' +
  '<path d="M20 13v18M14 18h12M9 24c1 5 5 8 11 8s10-3 11-8"/></g>' +
  '<text x="42" y="27" font-family="system-ui,sans-serif" font-size="20" font-weight="600" fill="#fff">Mooring</text></svg>';

async function createPages(): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  const pages = fastify({ routerOptions: { ignoreTrailingSlash: true } });
  const document = openApiDocument() as object;
  await pages.register(swagger, { mode: 'static', specification: { document: document as never } });
  await pages.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: () => policy,
    uiConfig: {
      persistAuthorization: false,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      docExpansion: 'list',
    },
    logo: { type: 'image/svg+xml', content: Buffer.from(logo), href: '/docs', target: '_self' },
    theme: { title: 'Mooring API' },
  });
  return pages;
}

/** Headers of one HTTP exchange, not of the page. */
const ofTheExchange = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

/**
 * `/docs`: the API reference, with calls to try. All assets come from the package, none from the network. Built on the
 * first request: building takes a quarter of a start, and most processes are never asked.
 */
export function registerDocs(app: FastifyInstance): void {
  let pages: Promise<FastifyInstance> | undefined;
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    pages ??= createPages();
    const { url, headers } = request;
    const page = await (await pages).inject({ method: 'GET', url, headers });
    if (page.statusCode === 404) return reply.callNotFound();
    for (const [name, value] of Object.entries(page.headers))
      if (!ofTheExchange.has(name)) reply.header(name, value);
    return reply.code(page.statusCode).send(page.rawPayload);
  };
  app.get('/docs', answer);
  app.get('/docs/*', answer);
}
