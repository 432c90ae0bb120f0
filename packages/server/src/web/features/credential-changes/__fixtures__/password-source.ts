import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A source whose passwords the test changes. */
export interface Source {
  url: string;
  port: number;
  /** By user name. */
  passwords: Map<string, string>;
  /** `path user` of every refused sign-in. */
  refused: string[];
  /** Runs once before the next answer. */
  beforeAnswer: (() => Promise<unknown>) | undefined;
  close(): Promise<void>;
}

export async function startSource(): Promise<Source> {
  const source = { passwords: new Map<string, string>(), refused: [] as string[] } as Source;
  const server: Server = createServer(async (request, response) => {
    const work = source.beforeAnswer;
    source.beforeAnswer = undefined;
    await work?.();
    const [, given = ''] = (request.headers.authorization ?? '').split(' ');
    const [user = '', password] = Buffer.from(given, 'base64').toString('utf8').split(':');
    const isRight = password !== undefined && source.passwords.get(user) === password;
    if (!isRight) source.refused.push(`${request.url} ${user}`);
    response.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' });
    response.end(isRight ? '[{"id":1}]' : '{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  source.port = (server.address() as AddressInfo).port;
  source.url = `http://127.0.0.1:${source.port}`;
  source.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return source;
}
