import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Places, SourceHarness } from '@mooring/connectors/suite/harness';
import { harnesses } from '@mooring/connectors/suite/harnesses';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { full } from '@mooring/lab/test-tier';
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
  const settings = harnesses.flatMap(([id, harness]) => {
    const { settings: ofSource } = harness.destinations(places());
    return ofSource ? [[id, ofSource]] : [];
  });
  mooring = await startMooring({
    configuration: {
      limits: { testSeconds: seconds, idleSeconds: seconds },
      sources: Object.fromEntries(settings),
    },
  });
  api = apiClient(mooring.url, mooring.adminKey);
});
afterAll(async () => {
  await mooring.stop();
  for (const socket of sockets) socket.destroy();
  silent.close();
});

const places = (): Places => {
  const { port } = silent.address() as AddressInfo;
  const here = { host: '127.0.0.1', port, url: `http://127.0.0.1:${port}` };
  return { here, there: here, certificate: createCertificateAuthority().ca };
};

const openSessions = async () => /^mooring_open_sessions (\d+)$/m.exec((await api.get('/metrics')).text)?.[1];

/** Many at once: a limit that memory management takes away would be missed by some of them. */
const uses = Array.from(
  { length: full(5, 1) },
  () => ['test', 'describe', 'preview', 'read'] as const,
).flat();

/** A source tells of some things without asking its server. */
const usesOf = ({ unasked = [] }: SourceHarness) =>
  uses.filter((action) => !(unasked as readonly string[]).includes(action));

async function useAll(id: string, harness: SourceHarness): Promise<string[]> {
  const { definition, credential, path = ['sales', 'orders.csv'] } = harness.destinations(places());
  const made = await api.post('/api/v1/data-connections', {
    ...{ datasourceID: id, qName: id, connectionProperties: { ...definition, ...credential } },
  });
  expect(made.status, `${id}: ${made.text}`).toBe(201);
  return Promise.all(
    usesOf(harness).map(async (action) => {
      const request = action === 'test' ? {} : { path };
      const answer = await api.post(`/api/v1/data-connections/${made.body.qID}/actions/${action}`, request);
      const code = action === 'test' ? answer.body.stages?.at(-1).code : answer.body.errors?.[0].code;
      return `${id} ${action} ${code}`;
    }),
  );
}

it('D20: a source that says nothing ends every use in time, with no session left', async () => {
  const startedAt = performance.now();
  const told = await Promise.all(harnesses.map(([id, harness]) => useAll(id, harness)));
  expect(told.flat()).toEqual(
    harnesses.flatMap(([id, harness]) => usesOf(harness).map((action) => `${id} ${action} SOURCE-TIMEOUT`)),
  );
  expect(performance.now() - startedAt).toBeLessThan((seconds + 10) * 1000);
  await expect.poll(openSessions).toBe('0');
  await expect.poll(() => sockets.size, { timeout: 5000 }).toBe(0);
});
