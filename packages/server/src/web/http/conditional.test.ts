import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

const connectionProperties = {
  accessKey: 'a-key',
  secretKey: 'a-secret',
  region: 'eu-west-1',
  bucketName: 'reports',
};

describe('ETag and If-Match', () => {
  let server: TestServer;
  let alice: TestUser;
  let api: ApiClient;

  beforeAll(async () => {
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    api = alice.api;
  });
  afterAll(() => server.close());

  const makeConnection = async (qName: string): Promise<string> => {
    const body = { dataSourceId: 'File_AmazonS3Connector', qName, connectionProperties };
    return `/api/v1/data-connections/${(await api.post('/api/v1/data-connections', body)).body.qID}`;
  };
  const makeCredential = async (qName: string): Promise<string> => {
    const body = { datasourceID: 'File_AmazonS3Connector', qName, connectionProperties };
    return `/api/v1/data-credentials/${(await api.post('/api/v1/data-credentials', body)).body.qID}`;
  };
  const makeSpace = async (name: string): Promise<string> =>
    `/api/v1/spaces/${(await api.post('/api/v1/spaces', { name, type: 'shared' })).body.id}`;
  const tagOf = async (path: string): Promise<string> => {
    const tag = (await api.get(path)).headers.get('etag');
    expect(tag).toMatch(/^"[\w-]{27}"$/);
    return tag ?? '';
  };
  const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];

  it.each([
    ['connections', makeConnection, '/qName'],
    ['credentials', makeCredential, '/qName'],
    ['spaces', makeSpace, '/name'],
  ] as const)(
    'R06: %s: a change on a stale state is refused and changes nothing',
    async (what, make, member) => {
      const path = await make(`${what} stale`);
      const stale = await tagOf(path);
      expect(await tagOf(path)).toBe(stale);
      const current = { 'if-match': stale };
      const first = await api.patch(path, replace(member, `${what} first`), current);
      expect([200, 204]).toContain(first.status);
      for (const answer of [
        await api.patch(path, replace(member, `${what} second`), current),
        await api.delete(path, current),
        await api.delete(path, { 'if-match': `W/${await tagOf(path)}` }),
      ]) {
        expect(answer.status, answer.text).toBe(412);
        expect(answer.body.errors[0].code).toBe('PRECONDITION-FAILED');
      }
      const { body } = await api.get(path);
      expect(body.qName ?? body.name).toBe(`${what} first`);
      const several = { 'if-match': `"other", ${await tagOf(path)}` };
      expect([200, 204]).toContain((await api.patch(path, replace(member, `${what} third`), several)).status);
      expect((await api.delete(path, { 'if-match': await tagOf(path) })).status).toBe(204);
    },
  );

  it('R06: PUT is conditional too', async () => {
    const path = await makeSpace('put');
    const stale = { 'if-match': await tagOf(path) };
    expect((await api.put(path, { description: 'one' }, stale)).status).toBe(200);
    expect((await api.put(path, { description: 'two' }, stale)).status).toBe(412);
  });

  it('R06: of a hundred parallel read-modify-writes, no acknowledged one is lost', async () => {
    const path = await makeConnection('counter');
    await api.patch(path, replace('/tags', ['0']));
    const increment = async (): Promise<boolean> => {
      const read = await api.get(path);
      const [value] = read.body.tags;
      const headers = { 'if-match': read.headers.get('etag') ?? '' };
      const answer = await api.patch(path, replace('/tags', [String(Number(value) + 1)]), headers);
      expect([204, 412]).toContain(answer.status);
      return answer.status === 204;
    };
    let acknowledged = 0;
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.all(Array.from({ length: 20 }, increment));
      acknowledged += results.filter(Boolean).length;
    }
    expect(acknowledged).toBeGreaterThanOrEqual(5);
    expect((await api.get(path)).body.tags).toEqual([String(acknowledged)]);
  });

  it('holds below /api/connectivity and by name', async () => {
    const path = await makeConnection('doors');
    const stale = await tagOf(path);
    const newer = path.replace('/api/v1/', '/api/connectivity/');
    expect(await tagOf(newer)).toBe(stale);
    expect(await tagOf('/api/v1/data-connections/doors?type=connectionname')).toBe(stale);
    expect((await api.patch(newer, replace('/tags', ['x']), { 'if-match': stale })).status).toBe(204);
    const named = '/api/v1/data-connections/doors?type=connectionname';
    expect((await api.patch(named, replace('/tags', ['y']), { 'if-match': stale })).status).toBe(412);
  });

  it('changes nothing for requests without it, and takes * for any state', async () => {
    const path = await makeSpace('plain');
    expect((await api.put(path, { description: 'one' })).status).toBe(200);
    expect((await api.put(path, { description: 'two' }, { 'if-match': '*' })).status).toBe(200);
    expect((await api.put(path, { description: 'three' }, { 'if-match': 'bare' })).status).toBe(400);
    const gone = `/api/v1/spaces/${'0'.repeat(24)}`;
    expect((await api.put(gone, {}, { 'if-match': '"x"' })).status).toBe(404);
  });
});
