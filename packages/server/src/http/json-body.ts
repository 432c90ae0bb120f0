import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { AppError } from './app-error.js';

/**
 * Bodies are JSON in UTF-8 and nothing else: a form would also be what another site's page can send. Documented
 * clients name JSON as the content type of requests that have no body, so an empty one is none.
 */
export function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body)) return done(new AppError('DCERROR-0010', 'body: must be UTF-8'));
    return parse(request, body.toString('utf8'), done);
  });
}
