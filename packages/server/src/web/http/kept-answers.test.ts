import { seededInt } from '@mooring/lab/seeded';
import { full } from '@mooring/lab/test-tier';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { uncountedTables } from '../../core/store/change-counter.js';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { recordStatements, type Statement } from '../../testing/recorded-statements.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { createKeptAnswers } from './kept-answers.js';

const host = '127.0.0.1';
const server = { host, port: 5432, db: 'sales', sslmode: 'disable' };
const login = { username: 'reader', password: 'a password of a reader' };
const connections = '/api/v1/data-connections';
const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];

type Answer = Awaited<ReturnType<ApiClient['get']>>;

interface Member extends TestUser {
  credentialId: string;
}

/** A separated connection in a shared space, of which both users are members, each with their own credential. */
async function shared(at: TestServer) {
  const admin = apiClient(at.url, at.adminKey);
  const space = (await admin.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id as string;
  const made = await admin.post(connections, {
    ...{ datasourceID: 'postgres', qName: 'orders', space },
    connectionProperties: { ...server, separateCredentials: true },
  });
  const path = `${connections}/${made.body.qID}`;
  const assignments = `/api/v1/spaces/${space}/assignments`;
  const assign = async ({ id }: Pick<TestUser, 'id'>): Promise<string> =>
    (await admin.post(assignments, { type: 'user', assigneeId: id, roles: ['dataconsumer'] })).body.id;
  const join = async (subject: string): Promise<Member & { assignmentId: string }> => {
    const user = await addUser(at.url, at.adminKey, subject);
    const assignmentId = await assign(user);
    const provided = await user.api.put(`${path}/credential`, {
      ...{ credentialsName: `login of ${subject}`, connectionProperties: login },
    });
    return { ...user, credentialId: provided.body.credentialId, assignmentId };
  };
  return { admin, path, assignments, assign, ann: await join('ann'), bob: await join('bob') };
}

type Shared = Awaited<ReturnType<typeof shared>>;

/** Many keys that are not valid are answered 429 instead of 401. */
const refusal = (status: number): number => (status === 429 ? 401 : status);

/** What two answers to one GET have in common if neither is stale. */
const shown = ({ status, text }: Answer): string => (status === 200 ? text : `${refusal(status)}`);

/** Things that change what a GET of the connection answers, over HTTP. Each returns what is certain from then on. */
function createChanges({ admin, path, assignments, assign, bob }: Shared) {
  let { assignmentId } = bob;
  let isMember = true;
  let key = bob.api;
  let keyId: string | undefined;
  let count = 0;
  const member = { ann: 200, bob: 200 };
  return {
    /** Bob with the key that is made and revoked again. */
    get key() {
      return key;
    },
    list: [
      async () => {
        count += 1;
        const { status } = await admin.patch(path, replace('/qName', `orders ${count}`));
        expect(status).toBe(204);
        return { name: `orders ${count}` };
      },
      async () => {
        if (isMember) await admin.delete(`${assignments}/${assignmentId}`);
        else assignmentId = await assign(bob);
        isMember = !isMember;
        return { ...member, bob: isMember ? 200 : 404 };
      },
      async (url: string) => {
        if (keyId === undefined) {
          const made = await bob.api.post('/api/v1/api-keys', { description: 'short' });
          keyId = made.body.id as string;
          key = apiClient(url, made.body.token);
          return {};
        }
        await bob.api.delete(`/api/v1/api-keys/${keyId}`);
        keyId = undefined;
        return { key: 401 };
      },
      async () => {
        count += 1;
        const { status } = await bob.api.put(`${path}/credential`, {
          ...{ credentialsName: `login ${count}`, connectionProperties: login },
        });
        expect(status).toBe(isMember ? 200 : 404);
        return {};
      },
    ],
  };
}

describe('answers kept while nothing has changed', () => {
  let at: TestServer;
  let given: Shared;
  const statements: Statement[] = [];
  let endRecording: () => void;

  beforeAll(async () => {
    endRecording = recordStatements(statements);
    at = await startServer({ configuration: { rateLimits: 'off' } });
    given = await shared(at);
  });
  afterAll(async () => {
    await at.close();
    endRecording();
  });

  const statementsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    statements.length = 0;
    await work();
    return statements.map(({ text }) => text);
  };

  it.skipIf(inject('databaseServer'))('a repeated GET reads nothing and answers the same bytes', async () => {
    const { ann, path } = given;
    const credential = `/api/v1/data-credentials/${ann.credentialId}`;
    for (const one of [path, credential, `${path}?parseConnection=true`]) {
      const first = await ann.api.get(one);
      let second = first;
      expect(await statementsOf(async () => (second = await ann.api.get(one)))).toEqual([]);
      expect(second.text).toBe(first.text);
      const shownHeaders = ({ headers }: typeof first) =>
        [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
      expect(shownHeaders(second)).toEqual(shownHeaders(first));
      expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
      const traceId = second.headers.get('x-request-id') ?? '';
      const line = at
        .logText()
        .split('\n')
        .find((text) => text.includes(traceId));
      expect(JSON.parse(line ?? '{}')).toMatchObject({ method: 'GET', status: 200, msg: 'request' });
      const fresh = () => ann.api.get(one, { 'cache-control': 'no-cache' });
      expect(await statementsOf(fresh)).not.toEqual([]);
    }
  });

  const interleavings = full(1000, 120);
  it(`M: in ${interleavings} interleavings of changes and reads, no answer is stale or of another user`, async () => {
    const { ann, bob, path } = given;
    const changes = createChanges(given);
    const randomInt = seededInt();
    for (let round = 0; round < interleavings; round += 1) {
      const readers = { ann: ann.api, bob: bob.api, key: changes.key };
      const each = <Result>(work: (api: ApiClient) => Promise<Result>) =>
        Promise.all([work(readers.ann), work(readers.bob), work(readers.key)]);
      await each((api) => api.get(path));
      const change = changes.list[randomInt(0, changes.list.length)];
      // The reads begin before, while and after the change is made.
      const during = [each((api) => api.get(path)), each((api) => api.get(path))];
      const certain: { name?: string; ann?: number; bob?: number; key?: number } =
        (await change?.(at.url)) ?? {};
      const after = await each((api) => api.get(path));
      const fresh = await each((api) => api.get(path, { 'cache-control': 'no-cache' }));
      expect(after.map(shown), `round ${round}`).toEqual(fresh.map(shown));
      const [ofAnn, ofBob, ofKey] = after;
      if (certain.name !== undefined) expect(ofAnn.body.qName).toBe(certain.name);
      if (certain.bob !== undefined) expect(ofBob.status).toBe(certain.bob);
      if (certain.key !== undefined) expect(refusal(ofKey.status)).toBe(certain.key);
      expect(ofAnn.status).toBe(200);
      for (const [first, second, third] of [...(await Promise.all(during)), after]) {
        expect(first.body.qCredentialsID).toBe(ann.credentialId);
        for (const other of [second, third])
          expect(other.body.qCredentialsID ?? '').not.toBe(ann.credentialId);
      }
    }
  });

  it('M: a user who is disabled, and a key that expires, get no kept answer', async () => {
    const { admin, path, assign } = given;
    const [carl, dora] = [
      await addUser(at.url, at.adminKey, 'carl'),
      await addUser(at.url, at.adminKey, 'dora'),
    ];
    for (const { api, id } of [carl, dora]) {
      await assign({ id });
      expect([(await api.get(path)).status, (await api.get(path)).status]).toEqual([200, 200]);
    }
    await admin.patch(`/api/v1/users/${carl.id}`, replace('/status', 'disabled'));
    expect(refusal((await carl.api.get(path)).status)).toBe(401);
    const soon = new Date(Date.now() + 400).toISOString();
    await at.sql(`update api_key set expires_at = '${soon}' where user_id = '${dora.id}'`);
    expect((await dora.api.get(path)).status).toBe(200);
    await expect.poll(async () => refusal((await dora.api.get(path)).status)).toBe(401);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon));
  });

  it.skipIf(inject('databaseServer'))(
    'no kept answer rests on a table whose changes are not counted',
    async () => {
      const { ann, path, admin } = given;
      const space = (await ann.api.get(path)).body.space;
      const paths = [path, `/api/v1/data-credentials/${ann.credentialId}`, `/api/v1/spaces/${space}`];
      const named = `${path.replace(/[^/]*$/, 'orders')}?type=connectionname&spaceId=${space}`;
      for (const api of [ann.api, admin])
        for (const one of [...paths, named]) {
          const sent = await statementsOf(() => api.get(one, { 'cache-control': 'no-cache' }));
          for (const table of uncountedTables)
            expect(sent.filter((text) => new RegExp(`\\b${table}\\b`).test(text))).toEqual([]);
        }
    },
  );

  it.skipIf(inject('databaseServer'))(
    'M: a change past the service is seen, of a row and of the rights of a user',
    async () => {
      const { ann, path } = given;
      await ann.api.get(path);
      await at.sql(`update connection set name = 'changed past it' where id = '${path.split('/').at(-1)}'`);
      expect((await ann.api.get(path)).body.qName).toBe('changed past it');
      const erin = await addUser(at.url, at.adminKey, 'erin', ['TenantAdmin']);
      expect([(await erin.api.get(path)).status, (await erin.api.get(path)).status]).toEqual([200, 200]);
      await at.sql(`update "user" set roles = '[]' where id = '${erin.id}'`);
      expect((await erin.api.get(path)).status).toBe(404);
    },
  );
});

describe('kept answers and limits', () => {
  it('kept answers count as requests of their tier', async () => {
    const at = await startServer({
      configuration: { rateLimits: { tier1PerMinute: 4, tier2PerMinute: 100 } },
    });
    try {
      const { ann, path } = await shared(at);
      const statuses: number[] = [];
      for (let count = 0; count < 25; count += 1) statuses.push((await ann.api.get(path)).status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(20);
      expect(new Set(statuses.slice(20))).toEqual(new Set([429]));
    } finally {
      await at.close();
    }
  });

  /** An HTTP server whose only route answers its own URL, with kept answers of so many bytes. */
  const small = (bytesMax: number, changes: () => number | undefined) => {
    const kept = createKeptAnswers({ changes, now: Date.now, takeNow: () => true, bytesMax });
    const app = fastify();
    let answered = 0;
    const caller = {
      userId: 'u',
      tenantId: 't',
      name: 'u',
      roles: [],
      keyId: 'k',
      keyKind: 'api-key',
    } as const;
    app.addHook('onRequest', (request, reply, done) => {
      if (!kept.answer(request, reply)) done();
    });
    app.get('/*', async (request, reply) => {
      const keeping = kept.begin(request);
      answered += 1;
      const text = request.url.padEnd(1000, '.');
      if (keeping) kept.keep(keeping, { caller, expiresAt: Number.POSITIVE_INFINITY, tier: 1 }, reply, text);
      return text;
    });
    /** How many of these requests were not answered from memory. */
    const ask = async (paths: readonly string[], authorization = 'Bearer a'): Promise<number> => {
      const before = answered;
      for (const url of paths) {
        const { payload } = await app.inject({ url, headers: { authorization } });
        expect(payload.startsWith(`${url}.`)).toBe(true);
      }
      return answered - before;
    };
    return { ask, close: () => app.close() };
  };
  const paths = Array.from({ length: 10 }, (_, index) => `/${index}`);

  it('the oldest answers make room: memory is bounded', async () => {
    const { ask, close } = small(20_000, () => 1);
    expect(await ask(paths)).toBe(10);
    expect(await ask(['/9'])).toBe(0);
    expect(await ask(['/0'])).toBe(1);
    await close();
    const large = small(100_000, () => 1);
    expect([await large.ask(paths), await large.ask(paths), await large.ask(paths, 'Bearer b')]).toEqual([
      10, 0, 10,
    ]);
    await large.close();
  });

  it('nothing is kept where changes are not counted', async () => {
    const { ask, close } = small(20_000, () => undefined);
    expect(await ask(['/1', '/1', '/1'])).toBe(3);
    await close();
  });
});
