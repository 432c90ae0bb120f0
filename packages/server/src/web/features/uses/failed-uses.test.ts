import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient, TestUser } from '../../../testing/api-client.js';
import type { TestServer } from '../../../testing/start-server.js';
import { connect, idOf, type Source, type SpaceStand, startSpace } from './__fixtures__/use-stand.js';

const connections = '/api/v1/data-connections';
const uses = '/api/v1/data-uses';

describe('failed uses in the log', () => {
  let stand: SpaceStand;
  let server: TestServer;
  let source: Source;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;

  beforeAll(async () => {
    stand = await startSpace();
    ({ server, source, admin, alice, bob, spaceId } = stand);
  });
  afterAll(() => stand.close());

  it('LI14: audits a sign-in that a source refuses, of saved and unsaved connections', async () => {
    const type = 'mooring.v1.source-sign-in.refused';
    const refusals = async () => (await admin.get(`/api/v1/audits?eventType=${type}`)).body.data;
    expect(await refusals()).toEqual([]);
    const wrong = 'wrong-password-0123456789';
    const path = await connect(bob.api, source, 'refused', { password: wrong });
    for (const action of ['test', 'preview']) {
      await bob.api.post(`${path}/actions/${action}`, action === 'test' ? {} : { path: ['items'] });
    }
    await bob.api.post(`${connections}/actions/test`, {
      datasourceID: 'rest',
      connectionProperties: {
        url: `${source.url}/items`,
        authSchema: 'basic',
        username: 'a',
        password: wrong,
      },
    });
    const { credentialId } = (await bob.api.get(`${path}/credential`)).body;
    const { id: invitedBy } = (await admin.get('/api/v1/users/me')).body;
    const found = (await refusals()).map((event: { userId: string; data: object }) => ({
      userId: event.userId,
      ...event.data,
    }));
    expect(found.toReversed()).toEqual([
      { userId: bob.id, id: idOf(path), action: 'test', credentialId, invitedBy },
      { userId: bob.id, id: idOf(path), action: 'preview', credentialId, invitedBy },
      { userId: bob.id, id: bob.id, action: 'test-unsaved', invitedBy },
    ]);
  });

  it('TR12: reveals no more of the network than the use did to users who may not edit the connection', async () => {
    const nobody = await connect(alice.api, { ...source, url: 'http://127.0.0.1:9' }, 'nobody', {
      space: spaceId,
    });
    const refused = await connect(alice.api, source, 'wrong', {
      space: spaceId,
      password: 'not the password',
    });
    for (const path of [nobody, refused]) {
      const used = await bob.api.post(`${path}/actions/preview`, { path: ['items'] });
      expect(used.body.errors[0].code).toBe('SOURCE-UNAVAILABLE');
    }
    const results = async (api: ApiClient, query: string) =>
      ((await api.get(`${uses}${query}`)).body.data as { result: string }[])
        .slice(0, 2)
        .map(({ result }) => result);
    const ofBob = `?userId=${bob.id}`;
    expect(await results(bob.api, ofBob)).toEqual(['SOURCE-UNAVAILABLE', 'SOURCE-UNAVAILABLE']);
    const lines = (await bob.api.get(`${uses}/export${ofBob}`)).text.trim().split('\n');
    const exported = lines.slice(-2).map((line) => JSON.parse(line).result);
    expect(exported).toEqual(['SOURCE-UNAVAILABLE', 'SOURCE-UNAVAILABLE']);
    const all = ['SOURCE-SIGN-IN-FAILED', 'SOURCE-UNREACHABLE'];
    expect(await results(alice.api, `?spaceId=${spaceId}`)).toEqual(all);
    expect(await results(admin, ofBob)).toEqual(all);
  });

  it('TR12: nor earlier: until then the use is only started, even for a user who cancels it', async () => {
    const nobody = await connect(alice.api, { ...source, url: 'http://127.0.0.1:9' }, 'still closed', {
      space: spaceId,
    });
    const silent = createServer();
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const { port } = silent.address() as AddressInfo;
    const waits = await connect(alice.api, { ...source, url: `http://127.0.0.1:${port}` }, 'silent', {
      space: spaceId,
    });
    const paths = [nobody, waits];
    const leaving = paths.map(async (path) => {
      const left = new AbortController();
      const asked = fetch(`${server.url}${path}/actions/read`, {
        ...{ method: 'POST', signal: left.signal, body: JSON.stringify({ path: ['items'] }) },
        headers: { authorization: `Bearer ${bob.key}`, 'content-type': 'application/json' },
      }).catch(() => undefined);
      return { left, asked };
    });
    const ends = async (api: ApiClient, query: string) => {
      const { data } = (await api.get(`${uses}${query}`)).body;
      return paths.map((path) => {
        const { result, rows, bytes } =
          data.find(({ connectionId }: { connectionId: string }) => connectionId === idOf(path)) ?? {};
        return { result, rows, bytes };
      });
    };
    const [ofAll, ofBob] = [`?spaceId=${spaceId}`, `?userId=${bob.id}`];
    // The end of both kinds is in the log long before users may learn of it.
    const since = performance.now();
    await expect
      .poll(async () => (await ends(alice.api, ofAll)).map(({ result }) => result), { timeout: 2_000 })
      .toEqual(['SOURCE-UNREACHABLE', 'started']);
    for (const { left, asked } of await Promise.all(leaving)) {
      left.abort();
      await asked;
    }
    await expect
      .poll(async () => (await ends(alice.api, ofAll)).map(({ result }) => result), { timeout: 2_000 })
      .toEqual(['SOURCE-UNREACHABLE', 'cancelled']);
    const early = await ends(bob.api, ofBob);
    expect(performance.now() - since).toBeLessThan(2_900);
    expect(early).toEqual([{ result: 'started' }, { result: 'started' }]);
    await expect
      .poll(() => ends(bob.api, ofBob), { timeout: 5_000 })
      .toEqual([{ result: 'SOURCE-UNAVAILABLE' }, { result: 'SOURCE-UNAVAILABLE' }]);
    silent.closeAllConnections();
    silent.close();
  });

  it('TR12: a page token does not count ends of other uses', async () => {
    const before = (await bob.api.get(`${uses}?userId=${bob.id}&limit=1`)).body;
    const cursor = new URL(before.links.next.href).searchParams.get('next') ?? '';
    expect(cursor).toMatch(/^[\d:.TZ-]+_[\w-]{43}$/);
    const next = await bob.api.get(`${uses}?userId=${bob.id}&limit=100&next=${encodeURIComponent(cursor)}`);
    const all = (await bob.api.get(`${uses}?userId=${bob.id}`)).body.data;
    expect(next.body.data, next.text).toEqual(all.slice(1));
    expect((await bob.api.get(`${uses}?next=2026-01-01T00:00:00.000Z_3_5`)).status).toBe(400);
  });
});
