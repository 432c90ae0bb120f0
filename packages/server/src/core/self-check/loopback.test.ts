import { createServer, type Server } from 'node:net';
import { findFreePort } from '@mooring/lab/free-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { startServer } from '../../testing/start-server.js';

describe('local services of the host', () => {
  let local: Server;
  let port: number;
  let reached = 0;
  beforeAll(async () => {
    local = createServer((socket) => {
      reached += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => local.listen(0, '127.0.0.1', resolve));
    port = (local.address() as { port: number }).port;
  });
  afterAll(() => {
    local.close();
  });

  /** The result of testing a connection to the local service, and of the self-check. */
  const tried = async (publicUrl: string | undefined, loopback: 'auto' | 'allow') => {
    const environment: Record<string, string> =
      publicUrl === undefined ? {} : { MOORING_PUBLIC_URL: publicUrl };
    const own = await findFreePort();
    const server = await startServer({ environment, configuration: { egress: { loopback } }, port: own });
    try {
      const api = apiClient(`http://127.0.0.1:${own}`, server.adminKey);
      const { body } = await api.post('/api/v1/data-connections/actions/test', {
        datasourceID: 'postgres',
        connectionProperties: { host: '127.0.0.1', port, db: 'd', username: 'u', password: 'some password' },
      });
      const { loopback: found } = (await api.get('/api/v1/self-check')).body;
      return { stage: body.stages.at(-1), found, log: server.logText() };
    } finally {
      await server.close();
    }
  };
  it('TR11: a public URL that is not loopback closes them, and start and self-check say so', async () => {
    const before = reached;
    const { stage, found, log } = await tried('https://mooring.example', 'auto');
    expect(stage).toMatchObject({ ok: false, code: 'EGRESS-REFUSED' });
    expect(reached).toBe(before);
    expect(found).toMatchObject({ state: 'closed', detail: expect.stringContaining('auto means deny') });
    expect(log).toContain('egress.loopback auto means deny');
  });

  it('TR11: without one they are open on the user’s own machine', async () => {
    const before = reached;
    const { stage, found, log } = await tried(undefined, 'auto');
    expect(stage).toMatchObject({ name: 'signIn', ok: false });
    expect(reached).toBeGreaterThan(before);
    expect(found).toEqual({ state: 'reachable', detail: expect.any(String) });
    expect(log).not.toContain('auto means deny');
  });

  it('TR11: an operator who opens them to others is warned', async () => {
    const { found, log } = await tried('https://mooring.example', 'allow');
    expect(found).toMatchObject({ state: 'reachable', remedy: expect.stringContaining('egress.allow') });
    expect(log).toContain('every local service of this host');
  });
});
