import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const connections = '/api/v1/data-connections';
const revoke = '/api/v1/data-credentials/actions/revoke';

describe('revoke everything', () => {
  let server: TestServer;
  let lab: Awaited<ReturnType<typeof startAuthorizationServer>>;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;
  let count = 0;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
  });

  /** A separated login. @returns its id */
  const bring = async ({ api }: TestUser, datasourceID = 'postgres') => {
    count += 1;
    const made = await api.post('/api/v1/data-credentials', {
      datasourceID,
      qName: `login ${count}`,
      connectionProperties: {
        ...{ host: '127.0.0.1', port: 9, username: 'somebody', password: `canary-revoked-${count}` },
        ...(datasourceID === 'postgres' ? { db: 'x' } : { database: 'x' }),
      },
    });
    expect(made.status, made.text).toBe(201);
    return made.body.qID as string;
  };
  /** A grant on its own connection. */
  const signIn = async ({ api }: TestUser, revocationUrl: string | undefined) => {
    count += 1;
    const { client, authorizationEndpoint, tokenEndpoint } = lab;
    const properties = {
      ...{ url: 'http://127.0.0.1:9/', authSchema: 'oauth2', scope: 'openid read', ...client },
      ...{ authorizationUrl: `${authorizationEndpoint}?prompt=consent`, tokenUrl: tokenEndpoint },
      ...(revocationUrl === undefined ? {} : { revocationUrl }),
    };
    const body = { datasourceID: 'rest', qName: `grant ${count}` };
    const begun = await api.post(connections, {
      ...body,
      authUrlOnly: true,
      connectionProperties: properties,
    });
    expect(begun.status, begun.text).toBe(201);
    lab.addRedirectUri(new URL(begun.body.authUrl).searchParams.get('redirect_uri') ?? '');
    const { login, password } = lab.users[0];
    const page = await walkSignIn({ authUrl: begun.body.authUrl, login, password });
    const authCode = /id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1];
    const made = await api.post(connections, { ...body, connectionProperties: { ...properties, authCode } });
    expect(made.status, made.text).toBe(201);
  };
  const tenantId = async () => (await admin.get('/api/v1/tenants/me')).body.id;

  it('is for tenant administrators, and takes one scope at a time', async () => {
    for (const body of [{ userId: alice.id }, { all: await tenantId() }]) {
      expect((await alice.api.post(revoke, body)).status).toBe(403);
    }
    for (const body of [{}, { userId: alice.id, dataSourceId: 'rest' }, { all: 'another' }]) {
      expect((await admin.post(revoke, body)).status).toBe(400);
    }
    expect((await admin.post(revoke, { userId: 'nobody' })).status).toBe(404);
  });

  it('ends only those of one user, or of one source', async () => {
    const [ofAlice, mysql, ofBob] = [await bring(alice), await bring(alice, 'mysql'), await bring(bob)];
    const bySource = await admin.post(revoke, { dataSourceId: 'mysql' });
    expect(bySource.body).toMatchObject({ total: 1, data: [{ credentialId: mysql, status: 'none' }] });
    const byPerson = await admin.post(revoke, { userId: 'alice' });
    expect(byPerson.body.data.map((row: { credentialId: string }) => row.credentialId)).toEqual([ofAlice]);
    expect((await alice.api.get(`/api/v1/data-credentials/${ofAlice}`)).status).toBe(404);
    expect((await bob.api.get(`/api/v1/data-credentials/${ofBob}`)).status).toBe(200);
    const events = await admin.get('/api/v1/audits?eventType=mooring.v1.data-credential.revoked');
    expect(events.body.data).toHaveLength(2);
  });

  it('O28: revokes at providers, and reports which have not answered yet', async () => {
    lab.resetCounts();
    await signIn(alice, lab.revocationEndpoint);
    await signIn(alice, undefined);
    // Nothing listens there.
    await signIn(alice, 'http://127.0.0.1:9/revoke');
    const answer = await admin.post(revoke, { userId: alice.id });
    expect(answer.body.counts).toEqual({ revoked: 1, unsupported: 1, queued: 1 });
    expect(lab.counts().revocation).toBe(1);
    const report = await admin.get(`/api/v1/data-credentials/revocations/${answer.body.id}`);
    expect(report.body.total).toBe(3);
    expect((await alice.api.get(`/api/v1/data-credentials/revocations/${answer.body.id}`)).status).toBe(403);
  });

  it('C07, V13, NO8: ends many in a job that outlives its node, and leaves no part of their keys in the store', async () => {
    const rounds = full(40, 12);
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: 25 }, () => bring(round % 2 === 0 ? alice : bob)));
    }
    const before = await server.storedText();
    const wrapped = [...before.matchAll(/[A-Za-z0-9+/]{80}/g)].length;
    expect(wrapped).toBeGreaterThan(rounds * 25);
    // The first revocation that ends carries its id, whatever happens to the rest.
    const isMuch = '(select count(*) from revocation where batch_id = new.batch_id) >= 60';
    if (inject('databaseServer')) {
      await server.sql(`create function stop() returns trigger language plpgsql as
        $$ begin if ${isMuch} then raise exception 'stopped'; end if; return new; end $$`);
      await server.sql(
        'create trigger stop before insert on revocation for each row execute function stop()',
      );
    } else {
      const stop = "begin select raise(abort, 'stopped'); end";
      await server.sql(`create trigger stop before insert on revocation when ${isMuch} ${stop}`);
    }
    const answer = await admin.post(revoke, { all: await tenantId() });
    expect(answer.body, answer.text).toMatchObject({ id: expect.any(String), status: 'running' });
    expect(answer.body.total).toBeGreaterThanOrEqual(rounds * 25);
    expect([answer.status, answer.body.ended]).toEqual([202, 50]);
    await server.sql(`drop trigger stop${inject('databaseServer') ? ' on revocation' : ''}`);
    // The rest continues after the node is back.
    await server.restart();
    const later = (await bob.api.get('/api/v1/users/me').catch(() => undefined)) && (await bring(bob));
    const report = async () =>
      (await admin.get(`/api/v1/data-credentials/revocations/${answer.body.id}`)).body;
    await expect.poll(async () => (await report()).status, { timeout: 60_000 }).toBe('done');
    const { total, ended, counts, data, links } = await report();
    expect([total, ended, counts.none]).toEqual([answer.body.total, total, total]);
    expect(data).toHaveLength(100);
    expect((await admin.get(links.next.href)).body.data).toHaveLength(100);
    if (later) await bob.api.delete(`/api/v1/data-credentials/${later}`);
    expect((await admin.get('/api/v1/data-credentials')).body.data).toEqual([]);
    expect((await bob.api.get('/api/v1/data-credentials')).body.data).toEqual([]);
    const after = await server.storedText();
    // A few rows remain: signing keys, hash keys and heads of the tenant.
    expect([...after.matchAll(/[A-Za-z0-9+/]{80}/g)].length).toBeLessThan(wrapped / 10);
  });
});
