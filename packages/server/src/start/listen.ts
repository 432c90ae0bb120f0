import type { FastifyInstance } from 'fastify';
import { ConfigError } from '../core/config/config-error.js';

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Something listens there already. Choose another --port (MOORING_PORT); 0 takes a free one.',
  EADDRNOTAVAIL: 'This machine has no such address. Choose another --host (MOORING_HOST).',
  ENOTFOUND: 'This machine has no such address. Choose another --host (MOORING_HOST).',
  EACCES: 'This user may not take that port. Choose one above 1023 (--port, MOORING_PORT).',
};

/**
 * @returns the base URL
 * @throws ConfigError that says what to choose instead
 */
export async function listen(
  http: FastifyInstance,
  { host, port }: { host: string; port: number },
): Promise<string> {
  try {
    return await http.listen({ host, port });
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const why = remedies[code];
    throw new ConfigError(`Cannot listen on ${host}:${port}. ${why ? `${why} (${code})` : message}`, {
      cause,
    });
  }
}
