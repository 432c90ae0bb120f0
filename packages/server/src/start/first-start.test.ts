import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { newHex } from '../core/crypto/random.js';
import { apiClient, redeem } from '../testing/api-client.js';
import { freshDatabase } from '../testing/shared-database.js';
import { makeAdminKey } from './admin-key.js';
import { createLog } from './log.js';
import { type RunningServer, serve } from './serve.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A fresh data folder, with the kind of store that the tests run on. */
async function unused() {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-first-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const databaseServer = inject('databaseServer');
  const database = databaseServer && (await freshDatabase(databaseServer));
  if (database) cleanups.push(() => database.drop());
  const store = database ? { MOORING_DATABASE_URL: database.url } : {};
  const data = path.join(folder, 'data');
  const log: string[] = [];
  const logger = createLog(
    'info',
    new Writable({ write: (chunk, _, done) => done(void log.push(String(chunk))) }),
  );
  return {
    log: () => log.join(''),
    async start(environment: Record<string, string> = {}, port = 0) {
      const printed: string[] = [];
      const running: RunningServer = await serve(
        { port, data },
        { print: (line) => printed.push(line), log: logger, environment: { ...store, ...environment } },
      );
      let isClosed = false;
      const close = async () => {
        if (!isClosed) await running.close();
        isClosed = true;
      };
      cleanups.push(close);
      return { url: running.url, printed, close };
    },
    adminKey: () => makeAdminKey({ data }, logger, store),
  };
}

const keyIn = (printed: readonly string[]) => /API key, shown only once: (\S+)$/.exec(printed[1] ?? '')?.[1];

async function busyPort(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.address() as { port: number }).port, server };
}

describe('a first start', () => {
  it('prints one ready line, the key and a set-up link, which is an invitation of the administrator', async () => {
    const mooring = await unused();
    const { url, printed, close } = await mooring.start();
    expect(printed.filter((line) => line.startsWith('Mooring listening on '))).toEqual([printed[0]]);
    const link = /^Set-up link of the administrator.*: (\S+)$/.exec(printed[2] ?? '')?.[1] ?? '';
    expect(link.startsWith(`${url}/console/setup#mri_`)).toBe(true);
    const admin = apiClient(url, keyIn(printed));
    const { key, id } = await redeem(url, new URL(link).hash.slice(1));
    const me = (await apiClient(url, key).get('/api/v1/users/me')).body;
    expect([me.id, me.roles]).toEqual([(await admin.get('/api/v1/users/me')).body.id, ['TenantAdmin']]);
    const own = (await admin.get(`/api/v1/api-keys?sub=${id}`)).body.data;
    expect(own.map(({ awaitsApproval }: { awaitsApproval?: boolean }) => awaitsApproval)).toEqual([
      undefined,
      undefined,
    ]);
    await close();
    expect((await mooring.start()).printed).toHaveLength(1);
  });

  it('LI15: on a port in use, leaves the store empty, so that the next start shows the key', async () => {
    const mooring = await unused();
    const { port, server } = await busyPort();
    await expect(mooring.start({}, port)).rejects.toThrow(/Cannot listen/);
    await new Promise((resolve) => server.close(resolve));
    const { url, printed } = await mooring.start({}, port);
    expect((await apiClient(url, keyIn(printed)).get('/api/v1/users/me')).status).toBe(200);
  });

  it('LI9: a start that fails after it listens releases its folder', async () => {
    const mooring = await unused();
    await expect(mooring.start({ MOORING_ADMIN_KEY: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa' })).rejects.toThrow(
      /too weak/,
    );
    const { url } = await mooring.start();
    expect(mooring.log()).not.toContain('another process uses this data folder');
    expect((await apiClient(url, undefined).get('/readyz')).status).toBe(200);
  });

  it('LI9: a start under another master key releases its folder', async () => {
    const mooring = await unused();
    await (await mooring.start()).close();
    const another = { MOORING_MASTER_KEY: Buffer.from(newHex(32), 'hex').toString('base64') };
    await expect(mooring.start(another)).rejects.toThrow(/not the one/);
    const { url } = await mooring.start();
    expect((await apiClient(url, undefined).get('/readyz')).status).toBe(200);
  });

  it('LI15: warns that MOORING_ADMIN_KEY is ignored on an existing store, unless it is a valid key', async () => {
    const mooring = await unused();
    const chosen = { MOORING_ADMIN_KEY: 'chosen-4f6c1e0b9d7a42-of-a-first-start' };
    const first = await mooring.start(chosen);
    expect(keyIn(first.printed)).toBeUndefined();
    await first.close();
    await (await mooring.start(chosen)).close();
    expect(mooring.log()).not.toContain('MOORING_ADMIN_KEY is ignored');
    const { url } = await mooring.start({ MOORING_ADMIN_KEY: 'another-4f6c1e0b9d7a42-of-a-second-start' });
    expect(mooring.log()).toContain('MOORING_ADMIN_KEY is ignored');
    const refused = apiClient(url, 'another-4f6c1e0b9d7a42-of-a-second-start');
    expect((await refused.get('/api/v1/users/me')).status).toBe(401);
  });

  it('LI15: admin-key makes a new audited key for the administrator, and needs a store', async () => {
    const mooring = await unused();
    await expect(mooring.adminKey()).rejects.toThrow(/no (store|administrator)/);
    await (await mooring.start()).close();
    const made = await mooring.adminKey();
    expect(made.user).toMatchObject({ subject: 'admin', name: 'Administrator' });
    const { url } = await mooring.start();
    const admin = apiClient(url, made.token);
    expect((await admin.get('/api/v1/users/me')).body).toMatchObject({
      id: made.user.id,
      roles: ['TenantAdmin'],
    });
    const [event] = (await admin.get('/api/v1/audits?eventType=mooring.v1.api-key.created')).body.data;
    expect(event).toMatchObject({
      userId: made.user.id,
      data: { madeOn: expect.stringContaining('admin-key') },
    });
  });
});
