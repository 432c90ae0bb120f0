import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ApiClient, addPerson, apiClient, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const connections = '/api/v1/data-connections';
const uses = '/api/v1/data-uses';
const verify = '/api/v1/data-credentials/actions/verify-uses';
const good = 'right-password-0123456789';

interface Source extends LoopbackServer {
  /** Requests so far. */
  count(): number;
}

/** A source that knows one password. */
async function startSource(): Promise<Source> {
  let count = 0;
  const server = await listenOnLoopback(0, () => (request, response) => {
    count += 1;
    const [, given = ''] = (request.headers.authorization ?? '').split(' ');
    const isRight = Buffer.from(given, 'base64').toString().endsWith(`:${good}`);
    response.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' });
    response.end(isRight ? '[{"id":1},{"id":2}]' : '{}');
  });
  return { ...server, count: () => count };
}

const connect = async (api: ApiClient, source: Source, qName: string, more: object = {}) => {
  const { password = good, ...rest } = more as { password?: string };
  const made = await api.post(connections, {
    datasourceID: 'rest',
    qName,
    connectionProperties: { url: `${source.url}/items`, authSchema: 'basic', username: 'a', password },
    ...rest,
  });
  expect(made.status, made.text).toBe(201);
  return `${connections}/${made.body.qID}`;
};

describe('V18: the usage log', () => {
  let server: TestServer;
  let source: Source;
  let admin: ApiClient;
  let path: string;
  const used = 5;

  beforeAll(async () => {
    source = await startSource();
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    path = await connect(admin, source, 'used');
    for (let round = 0; round < used; round += 1) {
      await admin.post(`${path}/actions/preview`, { path: [`canary-path-${round % 2}`] });
    }
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  const check = async (body: object = {}) => (await admin.post(verify, body)).body;
  const tables = ['use_record', 'use_shard', 'use_checkpoint'];

  /** What is found after the statement, which is undone. */
  const tampered = async (...statements: string[]) => {
    for (const table of tables) await server.sql(`create table kept_${table} as select * from ${table}`);
    for (const statement of statements) await server.sql(statement);
    const report = await check();
    for (const table of tables) {
      await server.sql(`delete from ${table}`);
      await server.sql(`insert into ${table} select * from kept_${table}`);
      await server.sql(`drop table kept_${table}`);
    }
    return report;
  };

  it('has who, what, with which key and a keyed hash, and no value', async () => {
    const { credentialId } = (await admin.get(`${path}/credential`)).body;
    const me = (await admin.get('/api/v1/users/me')).body;
    const { data } = (await admin.get(`/api/v1/data-credentials/${credentialId}/uses`)).body;
    expect(data).toHaveLength(used);
    expect(data[0]).toMatchObject({
      ...{ action: 'preview', credentialId, credentialOwnerId: me.id, credentialVersion: 1, userId: me.id },
      via: { kind: 'api-key', id: data[0].keyId },
    });
    expect(data[0]).not.toHaveProperty('clientId');
    const hashes = data.map((use: { whatHash: string }) => use.whatHash);
    expect(new Set(hashes).size).toBe(2);
    expect(await server.storedText()).not.toContain('canary-path');
  });

  it('LI2: is whole, and is known again by a head that was written down', async () => {
    const whole = await check();
    expect(whole).toMatchObject({ ok: true, done: true, records: used * 2 });
    expect(await check({ head: whole.head })).toEqual(whole);
    expect(await check({ head: { ...whole.head, seq: whole.head.seq + 1 } })).toMatchObject({ ok: false });
    const { seq } = whole.head;
    expect(await check({ head: { seq, hash: 'x' } })).toMatchObject({
      ok: false,
      broken: { seq, problem: 'not the record of this head' },
    });
  });

  it('LI2: a change of any column of any record shows, with its place', async () => {
    await check();
    const texts = ['at', 'user_id', 'client_id', 'via_kind', 'via_id', 'connection_id', 'space_id', 'action'];
    texts.push('credential_id', 'credential_owner_id', 'what_hash', 'result', 'hash');
    const numbers = ['checkpoint', 'credential_version', 'of_seq', 'rows', 'bytes'];
    for (const [columns, value] of [
      [texts, "'x'"],
      [numbers, '77'],
    ] as const) {
      for (const column of columns) {
        const report = await tampered(`update use_record set ${column} = ${value} where seq = 4`);
        expect(report, column).toMatchObject({ ok: false, broken: { seq: 4, problem: 'changed' } });
      }
    }
    expect(await check()).toMatchObject({ ok: true });
  });

  it('LI2: what is removed, renumbered or cut off shows, also together with its head', async () => {
    await check();
    const cases: [string[], object][] = [
      [['update use_record set seq = 100 where seq = 5'], { seq: 5, problem: 'missing' }],
      [['delete from use_record where seq = 3'], { seq: 3, problem: 'missing' }],
      [['delete from use_record where seq > 8'], { seq: 9, problem: 'cut off' }],
      [['delete from use_record'], { seq: 1, problem: 'cut off' }],
      [['delete from use_shard'], { seq: 10, problem: 'head missing' }],
      [["update use_shard set seq = 7, hash = 'x'"], { seq: 7, problem: 'set back' }],
      [["update use_shard set hash = 'x'"], { seq: 10, problem: 'changed' }],
      [
        [
          'delete from use_record where seq > 8',
          'update use_shard set seq = 8, hash = (select hash from use_record where seq = 8)',
        ],
        { problem: 'cut off' },
      ],
    ];
    for (const [statements, broken] of cases) {
      expect(await tampered(...statements), statements.join('; ')).toMatchObject({ ok: false, broken });
    }
    expect(await check()).toMatchObject({ ok: true });
  });

  it('LI2: a checkpoint that was removed, changed or set back shows', async () => {
    const { head } = await check();
    for (const statement of [
      'delete from use_checkpoint',
      `delete from use_checkpoint where number = ${head.seq}`,
      'delete from use_checkpoint where number = 1',
      `update use_checkpoint set number = 50 where number = ${head.seq}`,
      `update use_checkpoint set hash = 'x' where number = ${head.seq}`,
      `update use_checkpoint set previous_hash = 'x' where number = ${head.seq}`,
      `update use_checkpoint set heads = '[]' where number = ${head.seq}`,
      `update use_checkpoint set heads = 'no json' where number = ${head.seq}`,
      `update use_checkpoint set note = 'new key: none' where number = ${head.seq}`,
      `update use_checkpoint set kept_from = ${head.seq}`,
      `update use_checkpoint set at = '2020-01-01T00:00:00.000Z' where number = ${head.seq}`,
      `update use_checkpoint set key_version = 9 where number = ${head.seq}`,
    ]) {
      expect(await tampered(statement), statement).toMatchObject({ ok: false, broken: {} });
    }
    expect(await check()).toMatchObject({ ok: true });
  });

  it('LI2: what was set back while a node runs leaves a gap that stays, since numbers only grow', async () => {
    const { head } = await check();
    await admin.post(`${path}/actions/preview`, { path: [] });
    const later = (await check()).head;
    // One by the clock may have come between.
    expect(later.seq).toBeGreaterThan(head.seq);
    // Everything as it was before that use: records, heads and checkpoints agree with each other.
    await server.sql(`delete from use_checkpoint where number > ${head.seq}`);
    await server.sql('delete from use_record where seq > 10');
    await server.sql('update use_shard set seq = 10, hash = (select hash from use_record where seq = 10)');
    expect(await check()).toMatchObject({ ok: false, broken: { seq: later.seq, problem: 'set back' } });
    await admin.post(`${path}/actions/preview`, { path: [] });
    await server.restart();
    const broken = { seq: head.seq + 1, problem: 'missing' };
    expect(await check()).toMatchObject({ ok: false, broken });
  });
});

describe('a use that cannot be recorded', () => {
  let server: TestServer;
  let source: Source;
  let admin: ApiClient;

  beforeAll(async () => {
    source = await startSource();
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  it('M: does not happen: no action sends a request to the source, and uses resume when the log can be written', async () => {
    const path = await connect(admin, source, 'unrecorded');
    const pair = await admin.post('/api/v1/data-credentials', {
      ...{ datasourceID: 'rest', qName: 'separated' },
      connectionProperties: {
        url: `${source.url}/items`,
        authSchema: 'basic',
        username: 'a',
        password: good,
      },
    });
    const separated = await connect(admin, source, 'with a login of its own', {
      connectionProperties: {
        ...{ url: `${source.url}/items`, authSchema: 'basic', separateCredentials: 'true' },
        selectedCredentials: pair.body.qID,
      },
    });
    expect((await admin.post(`${path}/actions/preview`, { path: ['items'] })).status).toBe(200);
    const before = source.count();
    await server.sql('alter table use_record rename to use_record_away');
    const asked = {
      test: {},
      browse: { path: [] },
      preview: { path: ['items'] },
      read: { path: ['items'] },
    };
    for (const at of [path, separated]) {
      for (const [action, body] of Object.entries(asked)) {
        const refused = await admin.post(`${at}/actions/${action}`, body);
        expect([refused.status, refused.body.errors[0].code], action).toEqual([503, 'NOT-READY']);
      }
    }
    const rehearsed = await admin.post('/api/v1/data-credentials/actions/rehearse-change', {
      ...{ qUsername: 'a', qPassword: 'new-password-0123456789', qIDs: [pair.body.qID] },
    });
    expect([rehearsed.status, rehearsed.body?.errors?.[0].code]).toEqual([503, 'NOT-READY']);
    expect(source.count()).toBe(before);
    await server.sql('alter table use_record_away rename to use_record');
    expect((await admin.post(`${path}/actions/preview`, { path: ['items'] })).status).toBe(200);
    expect((await admin.post(verify)).body).toMatchObject({ ok: true });
  });
});

describe('a credential that is exchanged for another as its use is recorded', () => {
  let server: TestServer;
  let source: LoopbackServer;
  const users: string[] = [];

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (request, response) => {
      const [, given = ''] = (request.headers.authorization ?? '').split(' ');
      users.push(Buffer.from(given, 'base64').toString().split(':')[0] ?? '');
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
    });
    server = await startServer();
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  it('item 3: the logged credential is the one that is opened, or the use does not happen', async () => {
    const admin = apiClient(server.url, server.adminKey);
    const bring = async (username: string): Promise<string> => {
      const made = await admin.post('/api/v1/data-credentials', {
        ...{ datasourceID: 'rest', qName: username },
        connectionProperties: {
          ...{ url: `${source.url}/items`, authSchema: 'basic', username, password: good },
        },
      });
      return made.body.qID;
    };
    const [one, other] = [await bring('one'), await bring('other')];
    const path = await connect(admin, { ...source, count: () => 0 }, 'exchanged', {
      connectionProperties: {
        ...{ url: `${source.url}/items`, authSchema: 'basic', separateCredentials: 'true' },
        selectedCredentials: one,
      },
    });
    const read = (action: string) =>
      admin.post(`${path}/actions/${action}`, action === 'test' ? {} : { path: [] });
    const swap = `update credential_link set credential_id = '${other}'`;
    if (inject('databaseServer')) {
      await server.sql(
        `create function swap() returns trigger language plpgsql as $$ begin ${swap}; return null; end $$`,
      );
      await server.sql('create trigger swap after insert on use_record execute function swap()');
    } else {
      await server.sql(`create trigger swap after insert on use_record begin ${swap}; end`);
    }
    const actions = ['test', 'browse', 'preview', 'read'];
    for (const action of actions) {
      await admin.put(`${path}/credential`, { credentialId: one });
      // 403 if the change ends the use before its answer.
      expect([200, 403], action).toContain((await read(action)).status);
    }
    expect(new Set(users)).toEqual(new Set(['one']));
    const logged = async (id: string) => (await admin.get(`/api/v1/data-credentials/${id}/uses`)).body.data;
    expect([await logged(one), await logged(other)].map(({ length }) => length)).toEqual([actions.length, 0]);
    await server.sql(`drop trigger swap${inject('databaseServer') ? ' on use_record' : ''}`);
    expect((await read('preview')).status).toBe(200);
    expect(users.at(-1)).toBe('other');
    expect(await logged(other)).toHaveLength(1);
  });
});

describe('who used what', () => {
  let server: TestServer;
  let source: Source;
  let admin: ApiClient;
  let auditor: TestPerson;
  let alice: TestPerson;
  let bob: TestPerson;
  let carol: TestPerson;
  let spaceId: string;
  let shared: string;
  let own: string;

  beforeAll(async () => {
    source = await startSource();
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    auditor = await addPerson(server.url, server.adminKey, 'auditor', ['AuditAdmin']);
    alice = await addPerson(server.url, server.adminKey, 'alice');
    bob = await addPerson(server.url, server.adminKey, 'bob');
    carol = await addPerson(server.url, server.adminKey, 'carol');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
    for (const [person, role] of [
      [bob, 'dataconsumer'],
      [carol, 'facilitator'],
    ] as const) {
      const member = { type: 'user', assigneeId: person.id, roles: [role] };
      await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
    }
    shared = await connect(alice.api, source, 'shared', { space: spaceId });
    own = await connect(bob.api, source, 'own');
    await bob.api.post(`${shared}/actions/preview`, { path: ['canary-of-bob'] });
    await alice.api.post(`${shared}/actions/preview`, { path: ['canary-of-alice'] });
    await bob.api.post(`${own}/actions/preview`, { path: ['canary-of-bob'] });
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  const idOf = (at: string) => at.split('/').at(-1) ?? '';
  const seen = async (api: ApiClient, query = '') => {
    const answer = await api.get(`${uses}${query}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data as { userId: string; connectionId: string; whatHash?: string }[];
  };
  const names = (rows: { userId: string; connectionId: string }[]) =>
    rows.map(({ userId, connectionId }) => [userId, connectionId]);

  it('item 3: tenant and audit administrators see every use, and no hash of what was asked', async () => {
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
    const stranger = await addPerson(server.url, server.adminKey, 'stranger');
    const [hidden, none] = [spaceId, '0123456789abcdef01234567'].map((id) =>
      stranger.api.get(`${uses}?spaceId=${id}`),
    );
    expect((await hidden)?.body.errors).toEqual((await none)?.body.errors);
    expect((await hidden)?.status).toBe(404);
  });

  it('item 3: who may edit a connection sees its uses; others see those of their own credentials', async () => {
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

  it('item 3: pages hold each use once, and refuse an invalid page token', async () => {
    const collected: unknown[] = [];
    let at: string | undefined = `${server.url}${uses}?limit=1`;
    for (let round = 0; at !== undefined && round < 10; round += 1) {
      const answer = await admin.get(at);
      expect(answer.body.data).toHaveLength(1);
      collected.push(...answer.body.data);
      at = answer.body.links.next?.href;
    }
    expect(collected).toEqual(await seen(admin));
    expect((await admin.get(`${uses}?next=none`)).status).toBe(400);
  });

  it('item 3: the export streams the same uses as lines, oldest first, under the same rights', async () => {
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

  it('item 3: names the application and its token, where one acts', async () => {
    const made = await admin.post('/api/v1/oauth-clients', {
      ...{ clientName: 'pipeline', appType: 'web', allowedScopes: ['user_default'] },
    });
    const secret = await admin.post(`/api/v1/oauth-clients/${made.body.clientId}/actions/create-secret`, {});
    const token = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ grant_type: 'client_credentials', client_id: made.body.clientId },
        client_secret: secret.body.clientSecret ?? made.body.clientSecret,
      }),
    }).then((response) => response.json() as Promise<{ access_token: string }>);
    const machine = apiClient(server.url, token.access_token);
    const { id } = (await machine.get('/api/v1/users/me')).body;
    const path = await connect(machine, source, 'of a machine');
    await machine.post(`${path}/actions/preview`, { path: ['items'] });
    const [use] = (await admin.get(`${uses}?userId=${id}`)).body.data;
    expect(use).toMatchObject({ userId: id, clientId: made.body.clientId, via: { kind: 'access-token' } });
  });

  it('LI14: a sign-in that a source refuses is an event, of a saved connection and of an unsaved one', async () => {
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

  it('TR12: tells who may not edit a connection no more of the network than the use did', async () => {
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

  it('TR12: and no earlier: until then a use has only started, and a user who leaves it reads nothing else', async () => {
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

  it('TR12: the cursor of a list counts no ends of other uses', async () => {
    const before = (await bob.api.get(`${uses}?userId=${bob.id}&limit=1`)).body;
    const cursor = new URL(before.links.next.href).searchParams.get('next') ?? '';
    expect(cursor).toMatch(/^[\d:.TZ-]+_[\w-]{43}$/);
    const next = await bob.api.get(`${uses}?userId=${bob.id}&limit=100&next=${encodeURIComponent(cursor)}`);
    const all = (await bob.api.get(`${uses}?userId=${bob.id}`)).body.data;
    expect(next.body.data, next.text).toEqual(all.slice(1));
    expect((await bob.api.get(`${uses}?next=2026-01-01T00:00:00.000Z_3_5`)).status).toBe(400);
  });
});
