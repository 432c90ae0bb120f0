import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

describe('quotas', () => {
  let server: TestServer;
  let alice: TestUser;
  let bob: TestUser;
  beforeAll(async () => {
    const quotas = {
      ...{ connectionsPerUser: 3, connectionsPerSpace: 2, credentialsPerUser: 2, spacesPerUser: 1 },
      idempotentBytesPerUser: 3_000,
    };
    server = await startServer({ configuration: { quotas } });
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
  });
  afterAll(() => server.close());

  const connectionProperties = { url: 'http://127.0.0.1:9/' };
  const connect = ({ api }: TestUser, qName: string, more: object = {}) =>
    api.post('/api/v1/data-connections', { datasourceID: 'rest', qName, connectionProperties, ...more });
  const refused = (setting: string) => ({
    status: 403,
    body: { errors: [{ code: 'QUOTA-EXCEEDED', detail: expect.stringContaining(`quotas.${setting}`) }] },
  });

  it('TR19: spaces, and connections of a user and of a space', async () => {
    const space = (await alice.api.post('/api/v1/spaces', { name: 'One', type: 'shared' })).body.id;
    const another = await alice.api.post('/api/v1/spaces', { name: 'Two', type: 'shared' });
    expect(another).toMatchObject(refused('spacesPerUser'));
    for (const name of ['a', 'b']) expect((await connect(alice, name, { space })).status).toBe(201);
    expect(await connect(alice, 'c', { space })).toMatchObject(refused('connectionsPerSpace'));
    const third = await connect(alice, 'c');
    expect(third.status).toBe(201);
    expect(await connect(alice, 'd')).toMatchObject(refused('connectionsPerUser'));
    const duplicate = '/api/v1/data-connections/actions/duplicate';
    expect(await alice.api.post(duplicate, { id: third.body.qID })).toMatchObject(
      refused('connectionsPerUser'),
    );
    // Other users are not affected, and a deletion makes room.
    expect((await connect(bob, 'd')).status).toBe(201);
    await alice.api.delete(`/api/v1/data-connections/${third.body.qID}`);
    expect((await connect(alice, 'd')).status).toBe(201);
  });

  it('TR19: credentials', async () => {
    const bring = (qName: string) =>
      bob.api.post('/api/v1/data-credentials', {
        ...{ datasourceID: 'postgres', qName },
        connectionProperties: { host: 'db.example', db: 'd', username: 'u', password: 'a password of bob' },
      });
    const embedded = await connect(bob, 'embedded', {
      connectionProperties: {
        ...{ ...connectionProperties, authSchema: 'basic' },
        ...{ username: 'bob', password: 'a password of bob' },
      },
    });
    expect(embedded.status, embedded.text).toBe(201);
    await bring('a');
    const second = await bring('b');
    expect(second.status).toBe(201);
    expect(await bring('c')).toMatchObject(refused('credentialsPerUser'));
    // An embedded login does not count again either, whether or not it is sent again.
    const path = `/api/v1/data-connections/${embedded.body.qID}`;
    const replace = (at: string, value: unknown) => ({ op: 'replace', path: at, value });
    const separate = [replace('/qSeparateCredentials', true)];
    const anew = [
      ...separate,
      replace('/qUsername', 'bob'),
      replace('/qPassword', 'another password of bob'),
    ];
    for (const change of [separate, anew]) {
      expect(await bob.api.patch(path, change)).toMatchObject(refused('credentialsPerUser'));
    }
    await bob.api.delete(`/api/v1/data-credentials/${second.body.qID}`);
    const made = await bob.api.patch(path, separate);
    expect(made.status, made.text).toBeLessThan(300);
  });

  it('TR19: answers that are kept for a day, by bytes; those already kept are still returned', async () => {
    const carol = await addUser(server.url, server.adminKey, 'carol');
    const make = (key: string) =>
      carol.api.post('/api/v1/api-keys', { description: 'x'.repeat(250) }, { 'idempotency-key': key });
    expect((await make('first')).status).toBe(201);
    let last = await make('second');
    for (let number = 0; last.status === 201 && number < 20; number += 1) last = await make(`more-${number}`);
    expect(last.status === 400 ? last.text : [last.status, last.body.errors[0].code]).toEqual([
      403,
      'QUOTA-EXCEEDED',
    ]);
    const again = await make('first');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect((await carol.api.post('/api/v1/api-keys', {})).status).toBe(201);
  });

  it('TR19: a repeated refusal is one event with a count', async () => {
    const made = await bob.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'postgres', qName: 'separated' },
      connectionProperties: { host: '127.0.0.1', port: 9, db: 'd', separateCredentials: 'true' },
    });
    expect(made.status, made.text).toBe(201);
    for (let time = 0; time < 30; time += 1) {
      const used = await bob.api.post(`/api/v1/data-connections/${made.body.qID}/actions/browse`);
      expect(used.body.errors[0].code).toBe('CREDENTIALS-REQUIRED');
    }
    const admin = apiClient(server.url, server.adminKey);
    const events = async () =>
      (await admin.get('/api/v1/audits?eventType=mooring.v1.data-use.refused&limit=100')).body.data;
    await expect.poll(async () => (await events())[0]?.data.count).toBe(30);
    expect(await events()).toHaveLength(1);
  });
});
