import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const secretKey = 'canary-audit-secret-5c1d';
const properties = {
  accessKey: 'canary-audit-access',
  secretKey,
  region: 'eu-west-1',
  bucketName: 'reports',
};

interface Event {
  eventType: string;
  userId: string;
  data: Record<string, unknown>;
  extensions: Record<string, unknown>;
}

describe('audits', () => {
  let server: TestServer;
  let admin: ApiClient;
  let auditor: TestUser;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;
  let connectionId: string;
  const texts: string[] = [];

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    auditor = await addUser(server.url, server.adminKey, 'auditor', ['AuditAdmin']);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
    const assignment = await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      type: 'user',
      assigneeId: bob.id,
      roles: ['dataconsumer'],
    });
    const made = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'File_AmazonS3Connector',
      qName: 'Audited',
      space: spaceId,
      connectionProperties: { ...properties, separateCredentials: true, credentialsName: 'hers' },
    });
    connectionId = made.body.qID;
    const path = `/api/v1/data-connections/${connectionId}`;
    await alice.api.patch(path, [{ op: 'replace', path: '/qName', value: 'Renamed' }]);
    await bob.api.post(`${path}/actions/browse`, { path: [] });
    await alice.api.delete(path);
    await alice.api.delete(`/api/v1/data-credentials/${made.body.qCredentialsID}`);
    await alice.api.delete(`/api/v1/spaces/${spaceId}/assignments/${assignment.body.id}`);
  });
  afterAll(() => server.close());

  const list = async (query: string): Promise<Event[]> => {
    const answer = await auditor.api.get(`/api/v1/audits?${query}`);
    expect(answer.status, answer.text).toBe(200);
    texts.push(answer.text);
    return answer.body.data;
  };

  it('records each change with its actor and resource, latest first', async () => {
    const events = await list(`userId=${alice.id}`);
    const names = events.map((event) => event.eventType.replace('mooring.v1.', ''));
    expect(names.slice(0, 4)).toEqual([
      'space-assignment.deleted',
      'data-credential.deleted',
      'data-connection.deleted',
      'data-connection.updated',
    ]);
    expect(names.slice(4).toSorted()).toEqual([
      'data-connection.created',
      'data-credential.created',
      'invitation.redeemed',
      'space-assignment.created',
      'space.created',
    ]);
    const created = events.find((event) => event.eventType === 'mooring.v1.data-connection.created');
    expect(created).toMatchObject({
      source: 'mooring/data-connection',
      userId: alice.id,
      data: { id: connectionId, qName: 'Audited', datasourceID: 'File_AmazonS3Connector' },
      extensions: { ownerId: alice.id, spaceId },
    });
  });

  it('V18: records a refused use', async () => {
    expect(await list('eventType=mooring.v1.data-use.refused')).toMatchObject([
      { userId: bob.id, data: { id: connectionId, reason: 'missing' } },
    ]);
  });

  it('filters by type, source, time and id, and pages forward and back', async () => {
    const sourced = await list('source=mooring/user&sort=%2BeventTime');
    expect(sourced.map((event) => event.data['subject'])).toEqual(['auditor', 'alice', 'bob']);
    const all = await auditor.api.get('/api/v1/audits?limit=100');
    const [latest] = all.body.data;
    expect(await list(`eventTime=${latest.eventTime}/${latest.eventTime}`)).toContainEqual(latest);
    expect(await list('eventTime=2000-01-01T00:00:00Z/2000-01-02T00:00:00Z')).toEqual([]);
    expect(await list(`id=${latest.id},unknown`)).toEqual([latest]);
    expect((await auditor.api.get(`/api/v1/audits/${latest.id}`)).body).toEqual(latest);
    expect((await auditor.api.get(latest.links.self.href)).body).toEqual(latest);
    let page = await auditor.api.get('/api/v1/audits?limit=4');
    const seen = [...page.body.data];
    while (page.body.links.next) {
      page = await auditor.api.get(page.body.links.next.href);
      seen.push(...page.body.data);
    }
    expect(seen).toEqual(all.body.data);
    const before = await auditor.api.get(page.body.links.prev.href);
    expect(before.body.data).toEqual(seen.slice(-4 - page.body.data.length, -page.body.data.length));
  });

  it('lists types, sources and the retention period', async () => {
    const types = (await auditor.api.get('/api/v1/audits/types')).body.data;
    expect(types).toContain('mooring.v1.sign-in.completed');
    const sources = (await auditor.api.get('/api/v1/audits/sources')).body.data;
    expect(sources).toContain('mooring/oauth-client');
    expect((await auditor.api.get('/api/v1/audits/settings')).body).toEqual({
      data: { ArchiveEnabled: false, EventTTL: 90 * 86_400 },
    });
  });

  it('records no secret', async () => {
    await list('limit=100');
    for (const text of texts) {
      expect(text).not.toContain(secretKey);
      expect(text).not.toContain(properties.accessKey);
    }
  });

  it('refuses invalid times and orders', async () => {
    for (const query of ['eventTime=today', 'eventTime=2026-01-01T00:00:00Z', 'sort=data', 'next=x']) {
      expect((await auditor.api.get(`/api/v1/audits?${query}`)).status, query).toBe(400);
    }
  });

  it('is for tenant administrators and audit administrators only', async () => {
    for (const path of ['', '/types', '/sources', '/settings', '/some-id']) {
      expect((await alice.api.get(`/api/v1/audits${path}`)).status, path).toBe(403);
      expect((await apiClient(server.url, undefined).get(`/api/v1/audits${path}`)).status, path).toBe(401);
    }
    expect((await admin.get('/api/v1/audits')).status).toBe(200);
    expect((await auditor.api.get('/api/v1/audits/some-id')).status).toBe(404);
  });

  it('LI14: name the credential whose new destination a user confirmed', async () => {
    const at = (host: string) => ({ url: `http://${host}:9/items`, authSchema: 'basic' });
    const login = { username: 'a', password: 'canary-audit-confirmed', separateCredentials: 'true' };
    const made = await bob.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'rest', qName: 'moved', connectionProperties: { ...at('127.0.0.1'), ...login } },
    });
    const path = `/api/v1/data-connections/${made.body.qID}`;
    const moved = { ...at('127.0.0.2'), separateCredentials: 'true' };
    await bob.api.patch(path, [{ op: 'replace', path: '/connectionProperties', value: moved }]);
    const { state, destination, credentialId } = (await bob.api.get(`${path}/credential`)).body;
    expect(state).toBe('needs_confirmation');
    const before = await list('eventType=mooring.v1.data-credential.updated');
    const confirmed = await bob.api.post(`${path}/credential/actions/confirm`, { destination });
    expect(confirmed.status, confirmed.text).toBe(200);
    const after = await list('eventType=mooring.v1.data-credential.updated');
    expect(after).toHaveLength(before.length + 1);
    expect(after[0]).toMatchObject({ userId: bob.id, data: { id: credentialId } });
  });

  it('LI14: name a credential that ended with its connection or its user, and the actor', async () => {
    const embedded = async (person: TestUser, qName: string) => {
      const made = await person.api.post('/api/v1/data-connections', {
        ...{ dataSourceId: 'File_AmazonS3Connector', qName, connectionProperties: properties },
      });
      const path = `/api/v1/data-connections/${made.body.qID}`;
      return { path, id: (await person.api.get(`${path}/credential`)).body.credentialId as string };
    };
    const deleted = async () =>
      (await list('eventType=mooring.v1.data-credential.deleted')).map(({ userId, data, extensions }) => [
        data['id'],
        userId,
        extensions['ownerId'],
      ]);
    const me = (await admin.get('/api/v1/users/me')).body.id;
    const first = await embedded(bob, 'deleted by an administrator');
    expect((await admin.delete(first.path)).status).toBe(204);
    expect((await deleted())[0]).toEqual([first.id, me, bob.id]);
    const second = await embedded(bob, 'of a leaving user');
    const leave = [{ op: 'replace', path: '/status', value: 'disabled' }];
    expect((await admin.patch(`/api/v1/users/${bob.id}`, leave)).status).toBe(204);
    // Together with his other credentials, at the same instant.
    expect(await deleted()).toContainEqual([second.id, me, bob.id]);
  });
});
