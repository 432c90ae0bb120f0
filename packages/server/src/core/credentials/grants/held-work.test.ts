import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Secret } from '@mooring/connectors/interface/secret';
import { manifests } from '@mooring/connectors/registry';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCatalogue } from '../../catalogue/catalogue.js';
import { createSourceSettings } from '../../catalogue/source-settings.js';
import { newHex, newUuid } from '../../crypto/random.js';
import { gateOf } from '../../oauth/__fixtures__/token-server.js';
import { migrate, openStore, type Store } from '../../store/store.js';
import type { CredentialTable, RevocationTable } from '../../store/tables.js';
import { createVault } from '../../vault/envelope.js';
import { loadMasterKey } from '../../vault/keyring.js';
import { type MovableClock, movableClock } from './__fixtures__/grant-stand.js';
import { createTokenLife } from './access-token.js';
import { storedGrant } from './grant-state.js';
import { createRefreshLeases, refreshTimes, stopwatch } from './refresh-lease.js';
import { due, take } from './revocation-queue.js';
import { createRevoker, type Revoker } from './revoker.js';

const credential: CredentialTable = {
  ...{ id: 'c', tenant_id: 't', owner_id: 'o', source_id: 's', name: 'c', name_key: 'c', separated: 1 },
  ...{
    connection_id: null,
    sign_in: 'oauth2',
    state: 'ready',
    version: 1,
    created_at: '',
    updated_at: '',
    entered_at: '',
    entered_with: null,
  },
};

/** An embedded store whose clock tests move. */
async function openHeld(): Promise<{ store: Store; clock: MovableClock; close(): Promise<void> }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-held-'));
  const opened = openStore({ dataFolder: folder });
  await migrate(opened);
  await opened.db.insertInto('tenant').values({ id: 't', name: 't', created_at: '' }).execute();
  const clock = movableClock();
  const close = async () => {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { store: { ...opened, clock }, clock, close };
}

describe('work that another node has taken', () => {
  let held: Awaited<ReturnType<typeof openHeld>>;
  let store: Store;

  beforeAll(async () => {
    held = await openHeld();
    store = held.store;
  });
  afterAll(() => held.close());

  const leasesOf = (holder: string) =>
    createRefreshLeases({
      ...{ store, clock: store.clock, times: refreshTimes },
      folder: { holder, prefix: undefined, close: () => undefined },
    });

  it('M: one node sends a revocation to its provider, until it has been silent for its lease', async () => {
    const row: RevocationTable = {
      ...{ id: 'r', tenant_id: 't', credential_id: 'c', credential_name: 'c', owner_id: 'o', source_id: 's' },
      ...{ batch_id: null, status: 'queued', attempts: 0, not_before: '', lease_until: null },
      ...{ created_at: '', ended_at: null },
    };
    await store.db.insertInto('revocation').values(row).execute();
    expect(await due(store, 10)).toHaveLength(1);
    expect(await take(store, row)).toBe(true);
    expect(await due(store, 10)).toEqual([]);
    expect(await take(store, row)).toBe(false);
    held.clock.move(61_000);
    expect(await due(store, 10)).toHaveLength(1);
    expect(await take(store, row)).toBe(true);
  });

  it('M: a process that has lost its lease on a grant does not release the lease of the next', async () => {
    await store.db
      .insertInto('user')
      .values({
        ...{ id: 'o', tenant_id: 't', subject: 'o', name: 'o', email: null, client_id: null },
        ...{ status: 'active', roles: '[]', created_at: '', updated_at: '' },
      })
      .execute();
    await store.db.insertInto('credential').values(credential).execute();
    await sql`insert into grant_state (credential_id, tenant_id, issued_at, fence, attempts, failures)
      values ('c', 't', '', 0, 0, 0)`.execute(store.db);
    const [first, second] = [leasesOf('first'), leasesOf('second')];
    const lost = await first.take(credential, 1);
    held.clock.move(3_600_000);
    const over = await second.look(credential);
    if (!lost || !over) throw new Error('no process has the lease');
    const taken = await second.take(credential, 1, { over });
    if (!taken) throw new Error('the lease that is over was not taken');
    await first.giveBack(credential, lost);
    await first.fail(credential, lost, { isOutcomeUnknown: true, pauseMs: 1_000, isBackOff: true });
    expect(await second.look(credential)).toMatchObject({ holder: 'second', failures: 0 });
    await second.giveBack(credential, taken);
    expect((await second.look(credential))?.holder).toBeNull();
  });

  it('F7, F12: a lease is taken by its holder again, and by others once it has expired and is not taken', async () => {
    const [mine, other] = [leasesOf('mine'), leasesOf('other')];
    const first = await mine.take(credential, 2);
    expect(first).toMatchObject({ attempts: 1, failures: 0 });
    const again = await mine.take(credential, 2);
    expect(again).toMatchObject({ attempts: 2, fence: (first?.fence ?? 0) + 1 });
    // Of a newer version nothing has been sent yet.
    expect(await mine.take(credential, 3)).toMatchObject({ attempts: 1 });
    const over = await mine.look(credential);
    if (!over) throw new Error('no process has the lease');
    expect(await other.take(credential, 3)).toBeUndefined();
    expect(await other.take(credential, 3, { over })).toBeUndefined();
    held.clock.move(150_000);
    expect(await other.take(credential, 3)).toBeUndefined();
    for (const seen of [{ fence: over.fence - 1 }, { holder: 'another' }]) {
      expect(await other.take(credential, 3, { over: { ...over, ...seen } })).toBeUndefined();
      expect(await other.isUnchanged(credential, { ...over, ...seen })).toBe(false);
    }
    expect(await other.isUnchanged(credential, over)).toBe(true);
    const taken = await other.take(credential, 3, { over });
    if (!taken) throw new Error('the lease that is over was not taken');
    expect(taken).toMatchObject({ attempts: 2, fence: over.fence + 1 });
    expect(taken.mayBegin()).toBe(true);
    // The one call of its own was not sent; that of the process before may have been.
    await other.giveBack(credential, taken);
    expect(await other.look(credential)).toMatchObject({ holder: null, attempts: 1, intent_version: 3 });
  });

  it('F5, S3: a pause that the provider asked for is kept to, and one of our own may be passed', async () => {
    const leases = leasesOf('mine');
    const fail = async (pauseMs: number, isBackOff: boolean, passing = {}) => {
      const lease = await leases.take(credential, 4, passing);
      if (!lease) throw new Error('the lease was not taken');
      await leases.fail(credential, lease, { isOutcomeUnknown: false, pauseMs, isBackOff });
      return leases.look(credential);
    };
    const asked = await fail(10_000, false);
    expect(asked).toMatchObject({ ...{ holder: null, attempts: 0, failures: 1, backed_off_at: null } });
    expect(await leases.take(credential, 4)).toBeUndefined();
    expect(await leases.take(credential, 4, { backOff: true })).toBeUndefined();
    held.clock.move(10_000);
    expect(await fail(10_000, true)).toMatchObject({ failures: 2, backed_off_at: expect.any(String) });
    expect(await leases.take(credential, 4)).toBeUndefined();
    expect(await fail(10_000, true, { backOff: true })).toMatchObject({ failures: 3 });
  });

  it('F7: a start frees the leases of all former holders of this store, and keeps its own', async () => {
    held.clock.move(10_000);
    await leasesOf('former').take(credential, 4);
    await leasesOf('former').freeFormer();
    expect((await leasesOf('next').look(credential))?.holder).toBe('former');
    await leasesOf('next').freeFormer();
    expect(await leasesOf('next').look(credential)).toMatchObject({ holder: null, lease_until: null });
  });
});

describe('a revocation', () => {
  let held: Awaited<ReturnType<typeof openHeld>>;
  let store: Store;
  let revoker: Revoker;
  let provider: LoopbackServer;
  let status = 503;
  const received: string[] = [];

  beforeAll(async () => {
    held = await openHeld();
    store = held.store;
    const value = Buffer.from(newHex(32), 'hex').toString('base64');
    const { key } = loadMasterKey({ source: 'environment', value }, true);
    const ofKey = { id: key.id, state: 'active', master_id: '', wrapped_key: '', ciphertext: '' } as const;
    await store.db
      .insertInto('vault_key')
      .values({ ...ofKey, wraps: 0, created_at: '', replaced_at: null })
      .execute();
    const vault = createVault(key);
    const catalogue = createCatalogue(manifests, createSourceSettings(store));
    const log = pino({ level: 'silent' });
    revoker = createRevoker({
      ...{ store, vault, network: gateOf(), log, clients: {}, catalogue, lookMs: 3_600_000 },
    });
    provider = await listenOnLoopback(0, () => async (request, response) => {
      received.push((await readRequestBody(request)).toString());
      response.writeHead(status).end();
    });
  });
  afterAll(async () => {
    await revoker.close();
    await held.close();
    await provider.close();
  });
  /** Queues one and sends it. */
  const revoke = async (revocationEndpoint?: string) => {
    received.length = 0;
    await store.db.deleteFrom('revocation').execute();
    const preset = {
      ...{ tokenEndpoint: 'https://idp.example/token', scopes: [], clientAuthentication: 'none' as const },
      ...(revocationEndpoint === undefined ? {} : { revocationEndpoint }),
    };
    const tokens = { accessToken: new Secret('a'), refreshToken: new Secret('r') };
    await revoker.revokeTokens(credential, { preset, client: { clientId: 'c' } }, tokens);
    await revoker.settled();
  };
  const row = async () => {
    await revoker.settled();
    return store.db.selectFrom('revocation').selectAll().executeTakeFirst();
  };
  const sealed = () => store.db.selectFrom('secret').select('record_id').execute();
  const pauseMs = async () => Date.parse((await row())?.not_before ?? '') - store.clock.now();

  it('D2, O28: is sent again after a pause that doubles, for a week, and leaves no token behind', async () => {
    await revoke(`${provider.url}/revoke`);
    expect(await row()).toMatchObject({ status: 'queued', attempts: 1, lease_until: null, ended_at: null });
    expect(received).toEqual([expect.stringContaining('token=r')]);
    expect(await pauseMs()).toBeLessThanOrEqual(1_000);
    held.clock.move(1_000);
    expect(await row()).toMatchObject({ status: 'queued', attempts: 2 });
    expect(await pauseMs()).toBeGreaterThan(1_000);
    expect(received).toHaveLength(2);
    await store.db.updateTable('revocation').set({ attempts: 30 }).execute();
    held.clock.move(2_000);
    expect(await pauseMs()).toBeGreaterThan(500_000);
    expect(await pauseMs()).toBeLessThanOrEqual(600_000);
    expect(await sealed()).toHaveLength(1);
    held.clock.move(7 * 86_400_000);
    expect(await row()).toMatchObject({ status: 'failed', ended_at: expect.any(String), lease_until: null });
    expect(await sealed()).toEqual([]);
    expect(received).toHaveLength(4);
  });

  it('D2, O28: is over when the provider says so, and is not queued where there is no endpoint for it', async () => {
    status = 200;
    await revoke(`${provider.url}/revoke`);
    expect(await row()).toMatchObject({ status: 'revoked', attempts: 1 });
    expect(await sealed()).toEqual([]);
    await revoke();
    expect(await row()).toBeUndefined();
  });

  it('D2: whose token cannot be opened ends, and does not hold up the others', async () => {
    status = 503;
    await revoke(`${provider.url}/revoke`);
    await store.db.updateTable('secret').set({ wrapped_key: 'AAAA' }).execute();
    held.clock.move(1_000);
    expect(await row()).toMatchObject({ status: 'unreadable' });
    expect([received.length, await sealed()]).toEqual([1, []]);
  });
});

describe('how long a token and a lease live', () => {
  const clock = movableClock();

  it('G2: a token is due a fifth of its life before its end, or five minutes, and for some up to a quarter later', () => {
    const life = createTokenLife(clock);
    const now = clock.now();
    const isGood = (lifeMs: number, leftMs: number) => {
      const tokens = { accessToken: new Secret('a'), expiresAt: now + leftMs };
      return life.goodFor({ ...credential, id: newUuid() }, {})(storedGrant(tokens, now + leftMs - lifeMs));
    };
    const day = 86_400_000;
    expect([isGood(600_000, 121_000), isGood(600_000, 89_000)]).toEqual([true, false]);
    expect([isGood(day, 301_000), isGood(day, 224_000)]).toEqual([true, false]);
    // Without an end it is taken to live for an hour, if it can be renewed.
    const endless = (issuedAt: number, refreshToken: object) => {
      const grant = storedGrant({ accessToken: new Secret('a'), ...refreshToken }, issuedAt);
      return life.goodFor({ ...credential, id: newUuid() }, {})(grant);
    };
    const renewable = { refreshToken: new Secret('r') };
    expect(endless(now - 3_299_000, renewable)).toBe(true);
    expect(endless(now - 3_376_000, renewable)).toBe(false);
    expect(endless(now - 100 * day, {})).toBe(true);
  });

  it('F12: what has passed counts by the clock that counted more, whichever of them stood still or was set back', () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    try {
      for (const [steadyMs, wallMs] of [
        [100, 60_000],
        [60_000, -60_000],
      ] as const) {
        const passed = stopwatch();
        const wall = Date.now();
        vi.advanceTimersByTime(steadyMs);
        vi.setSystemTime(wall + wallMs);
        expect(passed()).toBe(60_000);
      }
    } finally {
      vi.useRealTimers();
    }
  });
});
