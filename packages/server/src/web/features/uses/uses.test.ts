import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { connect, idOf, type SpaceStand, startSpace } from './__fixtures__/use-stand.js';

const uses = '/api/v1/data-uses';

describe('who used what', () => {
  let stand: SpaceStand;
  let admin: ApiClient;
  let auditor: TestUser;
  let alice: TestUser;
  let bob: TestUser;
  let carol: TestUser;
  let spaceId: string;
  let shared: string;
  let own: string;

  beforeAll(async () => {
    stand = await startSpace();
    ({ admin, alice, bob, carol, spaceId, shared } = stand);
    const { server } = stand;
    auditor = await addUser(server.url, server.adminKey, 'auditor', ['AuditAdmin']);
    own = await connect(bob.api, stand.source, 'own');
    await bob.api.post(`${shared}/actions/preview`, { path: ['canary-of-bob'] });
    await alice.api.post(`${shared}/actions/preview`, { path: ['canary-of-alice'] });
    await bob.api.post(`${own}/actions/preview`, { path: ['canary-of-bob'] });
  });
  afterAll(() => stand.close());

  const seen = async (api: ApiClient, query = '') => {
    const answer = await api.get(`${uses}${query}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data as { userId: string; connectionId: string; whatHash?: string }[];
  };
  const names = (rows: { userId: string; connectionId: string }[]) =>
    rows.map(({ userId, connectionId }) => [userId, connectionId]);

  it('item 3: tenant and audit administrators see every use, without hashes of paths and queries', async () => {
    const all = [
      [bob.id, idOf(own)],
      [alice.id, idOf(shared)],
      [bob.id, idOf(shared)],
    ];
    for (const api of [admin, auditor.api]) {
      const rows = await seen(api);
      expect(names(rows)).toEqual(all);
      expect(rows.some(({ whatHash }) => whatHash !== undefined)).toBe(false);
    }
    expect(names(await seen(admin, `?userId=${bob.id}`))).toEqual([all[0], all[2]]);
    expect(names(await seen(admin, `?connectionId=${idOf(own)}`))).toEqual([all[0]]);
    expect(names(await seen(admin, `?spaceId=${spaceId}&userId=${alice.id}`))).toEqual([all[1]]);
    expect(await seen(admin, '?to=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await seen(admin, '?from=2020-01-01T00:00:00Z')).toHaveLength(3);
  });

  it('item 3: owners and facilitators of a space see its uses; members and strangers do not', async () => {
    const ofSpace = [
      [alice.id, idOf(shared)],
      [bob.id, idOf(shared)],
    ];
    for (const { api } of [alice, carol]) {
      const rows = await seen(api, `?spaceId=${spaceId}`);
      expect(names(rows)).toEqual(ofSpace);
      expect(JSON.stringify(rows)).not.toContain('canary-of');
    }
    expect((await bob.api.get(`${uses}?spaceId=${spaceId}`)).status).toBe(403);
    const stranger = await addUser(stand.server.url, stand.server.adminKey, 'stranger');
    const [hidden, none] = [spaceId, '0123456789abcdef01234567'].map((id) =>
      stranger.api.get(`${uses}?spaceId=${id}`),
    );
    expect((await hidden)?.body.errors).toEqual((await none)?.body.errors);
    expect((await hidden)?.status).toBe(404);
  });

  it('item 3: users who may edit a connection see its uses; others see those of their own credentials', async () => {
    expect(names(await seen(alice.api, `?connectionId=${idOf(shared)}`))).toHaveLength(2);
    expect(await seen(bob.api, `?connectionId=${idOf(shared)}`)).toEqual([]);
    // The credential of the shared connection is Alice's, whichever user uses it.
    expect(names(await seen(alice.api))).toHaveLength(2);
    expect(names(await seen(bob.api))).toEqual([[bob.id, idOf(own)]]);
    expect(await seen(carol.api)).toEqual([]);
    const mine = await seen(bob.api, `?userId=${bob.id}`);
    expect(names(mine)).toEqual([
      [bob.id, idOf(own)],
      [bob.id, idOf(shared)],
    ]);
    expect(mine.every(({ whatHash }) => whatHash !== undefined)).toBe(true);
    expect(await seen(bob.api, `?userId=${alice.id}`)).toEqual([]);
    const { credentialId } = (await alice.api.get(`${shared}/credential`)).body;
    expect((await bob.api.get(`/api/v1/data-credentials/${credentialId}/uses`)).status).toBe(404);
    expect(await seen(bob.api, `?credentialId=${credentialId}`)).toEqual([]);
  });

  it('item 3: lists each use once over all pages, and refuses an invalid page token', async () => {
    const collected: unknown[] = [];
    let at: string | undefined = `${stand.server.url}${uses}?limit=1`;
    for (let round = 0; at !== undefined && round < 10; round += 1) {
      const answer = await admin.get(at);
      expect(answer.body.data).toHaveLength(1);
      collected.push(...answer.body.data);
      at = answer.body.links.next?.href;
    }
    expect(collected).toEqual(await seen(admin));
    expect((await admin.get(`${uses}?next=none`)).status).toBe(400);
  });

  it('item 3: exports the same uses as lines, oldest first, under the same rights', async () => {
    const lines = async (api: ApiClient, query = '') => {
      const answer = await api.get(`${uses}/export${query}`);
      expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
      return answer.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as object);
    };
    expect(await lines(admin)).toEqual((await seen(admin)).toReversed());
    expect(await lines(bob.api)).toEqual(await seen(bob.api));
    expect(await lines(carol.api)).toEqual([]);
    expect((await bob.api.get(`${uses}/export?spaceId=${spaceId}`)).status).toBe(403);
  });

  it('item 3: names the application that acts, and its token', async () => {
    const made = await admin.post('/api/v1/oauth-clients', {
      ...{ clientName: 'pipeline', appType: 'web', allowedScopes: ['user_default'] },
    });
    const secret = await admin.post(`/api/v1/oauth-clients/${made.body.clientId}/actions/create-secret`, {});
    const token = await fetch(`${stand.server.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ grant_type: 'client_credentials', client_id: made.body.clientId },
        client_secret: secret.body.clientSecret ?? made.body.clientSecret,
      }),
    }).then((response) => response.json() as Promise<{ access_token: string }>);
    const machine = apiClient(stand.server.url, token.access_token);
    const { id } = (await machine.get('/api/v1/users/me')).body;
    const path = await connect(machine, stand.source, 'of a machine');
    await machine.post(`${path}/actions/preview`, { path: ['items'] });
    const [use] = (await admin.get(`${uses}?userId=${id}`)).body.data;
    expect(use).toMatchObject({ userId: id, clientId: made.body.clientId, via: { kind: 'access-token' } });
  });
});
