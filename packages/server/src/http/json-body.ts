import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from './app-error.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes a form too. */
    acceptsForm?: boolean;
  }
}

const formType = 'application/x-www-form-urlencoded';

/** Members of a form; one that is given twice is refused (RFC 6749 section 3.2). */
function membersOf(text: string): Record<string, string> {
  const members: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in members) throw new AppError('DCERROR-0010', `${name.slice(0, 64)}: is given twice`);
    members[name] = value;
  }
  return members;
}

/**
 * Bodies are JSON in UTF-8: a form would also be what another site's page can send, so only a route that says so
 * takes one. Documented clients name JSON as the content type of requests that have no body, so an empty one is none.
 */
export function acceptBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body)) return done(new AppError('DCERROR-0010', 'body: must be UTF-8'));
    return parse(request, body.toString('utf8'), done);
  });
  app.addContentTypeParser<Buffer>(
    formType,
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (!request.routeOptions.config.acceptsForm) {
        throw new AppError('UNSUPPORTED-MEDIA-TYPE', 'Send the body as application/json.');
      }
      return membersOf(body.toString('utf8'));
    },
  );
}
