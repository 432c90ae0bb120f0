import type { FastifyRequest } from 'fastify';

/** The bearer token. Qlik's documented curl examples also omit the word `Bearer`. Never read from the query. */
export function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  const token = header === undefined ? undefined : /^\s*(?:Bearer\s+)?(\S{1,4096})\s*$/i.exec(header)?.[1];
  return token?.toLowerCase() === 'bearer' ? undefined : token;
}
