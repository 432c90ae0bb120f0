import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// 320 slow reads of one user once held all 256 slots of a tenant. Here it is eight slots and ten reads.

const waitSeconds = 20;

describe('a user with many slow reads at once', () => {
  const servers: Server[] = [];
  let server: TestServer;
  let greedy: TestUser;
  let colleague: TestUser;

  const urlOf = async (one: Server): Promise<string> => {
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(one.address() as AddressInfo).port}/items`;
  };
  const connect = async ({ api }: TestUser, url: string, more: object = {}): Promise<string> => {
    const made = await api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: url, connectionProperties: { url }, ...more },
    });
    expect(made.status, made.text).toBe(201);
    return `/api/v1/data-connections/${made.body.qID}/actions/read`;
  };
  const metric = async (name: string) => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  };

  beforeAll(async () => {
    const limits = { usesPerTenant: 8, usesPerSource: 8, waitSeconds };
    server = await startServer({ configuration: { limits } });
    greedy = await addUser(server.url, server.adminKey, 'greedy');
    colleague = await addUser(server.url, server.adminKey, 'colleague');
  });
  afterAll(async () => {
    for (const one of servers) {
      one.closeAllConnections();
      one.close();
    }
    await server.close();
  });

  it('TR6: leaves half of the slots to a colleague, whose healthy source answers at once', async () => {
    const leaving = new AbortController();
    const reads: Promise<unknown>[] = [];
    for (let number = 0; number < 5; number += 1) {
      const one = createServer(() => undefined);
      servers.push(one);
      const path = await connect(greedy, await urlOf(one));
      for (let time = 0; time < 2; time += 1) {
        const headers = { authorization: `Bearer ${greedy.key}`, 'content-type': 'application/json' };
        const init = { method: 'POST', headers, body: '{"path":[]}', signal: leaving.signal };
        reads.push(fetch(`${server.url}${path}`, init).catch(() => undefined));
      }
    }
    await expect.poll(() => metric('mooring_uses_at_work_of_one_user')).toBe(4);
    await expect.poll(() => metric('mooring_uses_waiting_of_one_user')).toBe(6);

    const healthy = createServer((_request, response) =>
      response.setHeader('content-type', 'application/json').end('[{"a":1}]'),
    );
    servers.push(healthy);
    const path = await connect(colleague, await urlOf(healthy));
    // The reads of the greedy user do not end: behind them the colleague would wait all that time, and be refused.
    const since = performance.now();
    const answer = await colleague.api.post(path, { path: [] });
    expect(answer.status).toBe(200);
    expect(performance.now() - since).toBeLessThan(waitSeconds * 500);
    await expect.poll(() => metric('mooring_uses_at_work')).toBe(4);
    leaving.abort();
    await Promise.all(reads);
    await expect.poll(() => metric('mooring_uses_at_work')).toBe(0);
  });

  it('H: what is revoked while a use waits in the queue is not used when its turn comes', async () => {
    const member = await addUser(server.url, server.adminKey, 'member');
    const { id: space } = (await colleague.api.post('/api/v1/spaces', { name: 'Queue', type: 'shared' }))
      .body;
    const place = `/api/v1/spaces/${space}/assignments`;
    const assigned = { type: 'user', assigneeId: member.id, roles: ['dataconsumer'] };
    const { id: assignment } = (await colleague.api.post(place, assigned)).body;
    let requests = 0;
    const [silent, healthy] = [createServer(() => undefined), createServer()];
    healthy.on('request', (_request, response) => {
      requests += 1;
      response.setHeader('content-type', 'application/json').end('[{"a":1}]');
    });
    servers.push(silent, healthy);
    const [held, waited] = [
      await connect(colleague, await urlOf(silent), { space }),
      await connect(colleague, await urlOf(healthy), { space }),
    ];
    const holding = Array.from({ length: 4 }, () => member.api.post(held, { path: [] }));
    await expect.poll(() => metric('mooring_uses_at_work_of_one_user')).toBe(4);
    const waiting = member.api.post(waited, { path: [] });
    await expect.poll(() => metric('mooring_uses_waiting_of_one_user')).toBe(1);
    expect((await colleague.api.delete(`${place}/${assignment}`)).status).toBe(204);
    expect((await Promise.all(holding)).map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect([(await waiting).status, requests]).toEqual([404, 0]);
  });
});
