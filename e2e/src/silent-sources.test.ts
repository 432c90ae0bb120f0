import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// D20: a source that accepts and says nothing. Every use ends in its time, and leaves no session behind.

const seconds = 2;
const sockets = new Set<Socket>();
const silent = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  socket.resume();
});
let mooring: MooringProcess;
let api: ApiClient;

beforeAll(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  mooring = await startMooring({ configuration: { limits: { testSeconds: seconds, idleSeconds: seconds } } });
  api = apiClient(mooring.url, mooring.adminKey);
});
afterAll(async () => {
  await mooring.stop();
  for (const socket of sockets) socket.destroy();
  silent.close();
});

const login = { host: '127.0.0.1', sslmode: 'disable', username: 'canary', password: 'canary-silent' };
const sources: Record<string, (port: number) => object> = {
  postgres: (port) => ({ ...login, port, db: 'lab' }),
  mysql: (port) => ({ ...login, port }),
  rest: (port) => ({ url: `http://127.0.0.1:${port}/items`, timeout: 600 }),
  File_AmazonS3Connector: (port) => ({
    endpoint: `http://127.0.0.1:${port}`,
    bucketName: 'lab',
    accessKey: 'canary',
    secretKey: 'canary-silent',
  }),
};

const openSessions = async () => /^mooring_open_sessions (\d+)$/m.exec((await api.get('/metrics')).text)?.[1];

it.each(Object.keys(sources))(
  'D20: %s that says nothing ends every use in time, with no session left',
  async (id) => {
    const connectionProperties = sources[id]?.((silent.address() as AddressInfo).port);
    const { body } = await api.post('/api/v1/data-connections', {
      datasourceID: id,
      qName: id,
      connectionProperties,
    });
    const path = id === 'rest' ? [] : ['sales', 'orders.csv'];
    const startedAt = performance.now();
    // Many at once: a limit that memory management takes away would be missed by some of them.
    const uses = Array.from({ length: 5 }, () => ['test', 'preview', 'read'] as const).flat();
    const answers = await Promise.all(
      uses.map(async (action) => {
        const request = action === 'test' ? {} : { path };
        const answer = await api.post(`/api/v1/data-connections/${body.qID}/actions/${action}`, request);
        const code = action === 'test' ? answer.body.stages.at(-1).code : answer.body.errors[0].code;
        return `${action} ${code}`;
      }),
    );
    expect(answers).toEqual(uses.map((action) => `${action} SOURCE-TIMEOUT`));
    expect(performance.now() - startedAt).toBeLessThan((seconds + 4) * 1000);
    await expect.poll(openSessions).toBe('0');
    await expect.poll(() => sockets.size, { timeout: 5000 }).toBe(0);
  },
);
