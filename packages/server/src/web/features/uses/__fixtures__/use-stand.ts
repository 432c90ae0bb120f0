import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { expect } from 'vitest';
import { type ApiClient, addUser, apiClient } from '../../../../testing/api-client.js';
import { startServer } from '../../../../testing/start-server.js';

/** The one password that the source accepts. */
export const good = 'right-password-0123456789';

export interface Source extends LoopbackServer {
  /** Requests so far. */
  count(): number;
}

/** A source that accepts one password. */
export async function startSource(): Promise<Source> {
  let count = 0;
  const server = await listenOnLoopback(0, () => (request, response) => {
    count += 1;
    const [, given = ''] = (request.headers.authorization ?? '').split(' ');
    const isRight = Buffer.from(given, 'base64').toString().endsWith(`:${good}`);
    response.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' });
    response.end(isRight ? '[{"id":1},{"id":2}]' : '{}');
  });
  return { ...server, count: () => count };
}

/** @returns path of a new connection to the source */
export const connect = async (api: ApiClient, source: Source, qName: string, more: object = {}) => {
  const { password = good, ...rest } = more as { password?: string };
  const made = await api.post('/api/v1/data-connections', {
    datasourceID: 'rest',
    qName,
    connectionProperties: { url: `${source.url}/items`, authSchema: 'basic', username: 'a', password },
    ...rest,
  });
  expect(made.status, made.text).toBe(201);
  return `/api/v1/data-connections/${made.body.qID}`;
};

/** A space of Alice's in which Bob is a data consumer and Carol a facilitator, and a connection of hers in it. */
export async function startSpace() {
  const source = await startSource();
  const server = await startServer();
  const admin = apiClient(server.url, server.adminKey);
  const alice = await addUser(server.url, server.adminKey, 'alice');
  const bob = await addUser(server.url, server.adminKey, 'bob');
  const carol = await addUser(server.url, server.adminKey, 'carol');
  const spaceId: string = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
  for (const [person, role] of [
    [bob, 'dataconsumer'],
    [carol, 'facilitator'],
  ] as const) {
    const member = { type: 'user', assigneeId: person.id, roles: [role] };
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
  }
  const shared = await connect(alice.api, source, 'shared', { space: spaceId });
  return {
    ...{ source, server, admin, alice, bob, carol, spaceId, shared },
    async close() {
      await server.close();
      await source.close();
    },
  };
}

export type SpaceStand = Awaited<ReturnType<typeof startSpace>>;

/** Id of a connection by its path. */
export const idOf = (at: string) => at.split('/').at(-1) ?? '';
