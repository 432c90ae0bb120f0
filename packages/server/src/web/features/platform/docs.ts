import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { referenceScript, signpost, startPage, startStyle } from './docs-page.js';

/** Only assets of this server. Swagger UI sets inline styles through the CSSOM, which needs no exception. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Swagger UI: beside the bundle, or in the package that carries it. */
function swaggerFolder(): string {
  const beside = fileURLToPath(new URL('./swagger-ui', import.meta.url));
  if (existsSync(beside)) return beside;
  const { resolve } = createRequire(import.meta.url);
  return path.join(path.dirname(resolve('@fastify/swagger-ui')), 'static');
}

const types = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
} as const;
const typeOf = (file: string) => types[path.extname(file) as keyof typeof types];

/**
 * `/docs`: where to start, and the API reference with calls to try. All assets come from the product, none from the network.
 * @param publicUrl at which users reach the service; it stands in the examples
 */
export function registerDocs(app: FastifyInstance, publicUrl: () => string): void {
  const own: Record<string, string> = { 'start.css': startStyle, 'reference.js': referenceScript };
  app.get('/docs', async (_, reply) =>
    reply
      .header('content-security-policy', policy)
      .type('text/html; charset=utf-8')
      .send(startPage(publicUrl())),
  );
  app.get('/', async ({ headers }, reply) => {
    if (headers.accept?.includes('text/html')) return reply.redirect('/docs');
    return reply.type('text/plain; charset=utf-8').send(signpost(publicUrl()));
  });
  for (const file of ['start.css', 'reference.js', 'swagger-ui.css', 'swagger-ui-bundle.js'])
    app.get(`/docs/static/${file}`, async (_, reply) =>
      reply
        .header('content-security-policy', policy)
        .header('cache-control', 'public, max-age=3600')
        .type(typeOf(file))
        .send(own[file] ?? (await readFile(path.join(swaggerFolder(), file)))),
    );
}
