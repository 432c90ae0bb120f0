// Headers with encrypt: true, as in Qlik's first REST example: secrets of the user who enters them (DECISIONS 8).
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const path = '/api/v1/data-connections';

describe('Q: encrypted headers', () => {
  const seen: IncomingHttpHeaders[] = [];
  let source: Server;
  let url: string;
  let server: TestServer;
  let alice: TestUser;
  let bob: TestUser;
  let space: string;

  beforeAll(async () => {
    source = createServer(({ headers }, response) => {
      seen.push(headers);
      response.setHeader('content-type', 'application/json');
      response.end('[{"id":9007199254740993,"in":{"n":1.0}}]');
    });
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
    const address = source.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/items`;
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    space = (await alice.api.post('/api/v1/spaces', { name: 'Shared', type: 'shared' })).body.id;
    await alice.api.post(`/api/v1/spaces/${space}/assignments`, {
      ...{ type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] },
    });
  });
  afterAll(async () => {
    await server.close();
    await new Promise((resolve) => source.close(resolve).closeAllConnections());
  });

  const headers = (value: string) => [{ name: 'Authorization', value, encrypt: true }];
  const create = async (qName: string, properties: object) => {
    const connectionProperties = { url, queryHeaders: headers('Bearer alices-own'), ...properties };
    const made = await alice.api.post(path, { datasourceID: 'rest', qName, space, connectionProperties });
    expect(made.status, made.text).toBe(201);
    return `${path}/${made.body.qID}`;
  };
  const sent = async (person: TestUser, connection: string) => {
    seen.length = 0;
    const answer = await person.api.post(`${connection}/actions/preview`, { path: [] });
    return [answer.status, ...seen.map(({ authorization }) => authorization)];
  };

  it('embedded: sealed with the connection, never shown, bound to its destination', async () => {
    const connection = await create('embedded', {});
    const shown = await bob.api.get(connection);
    expect(shown.text).toContain('Authorization');
    expect(shown.text).not.toContain('alices-own');
    expect(await sent(bob, connection)).toEqual([200, 'Bearer alices-own']);
    const renewed = await alice.api.patch(connection, [
      { op: 'replace', path: '/connectionProperties/queryHeaders/0/value', value: 'Bearer renewed' },
    ]);
    expect(renewed.status, renewed.text).toBe(204);
    expect((await alice.api.get(connection)).text).not.toContain('renewed');
    expect(await sent(bob, connection)).toEqual([200, 'Bearer renewed']);
    const moved = await alice.api.patch(connection, [
      { op: 'replace', path: '/connectionProperties/url', value: `${url}/elsewhere` },
    ]);
    expect(moved.status).toBe(400);
  });

  it('separated: each user has their own', async () => {
    const connection = await create('separated', { separateCredentials: true, credentialsName: 'mine' });
    expect(await sent(bob, connection)).toEqual([403]);
    for (const [way, value] of [
      [{ queryHeaders: headers('Bearer bobs-own') }, 'Bearer bobs-own'],
      [{ encryptedHeaders: [{ name: 'authorization', value: 'Bearer bobs-second' }] }, 'Bearer bobs-second'],
    ] as const) {
      const entered = await bob.api.put(`${connection}/credential`, {
        ...{ credentialsName: 'bobs', connectionProperties: way },
      });
      expect(entered.status, entered.text).toBe(200);
      expect(await sent(bob, connection)).toEqual([200, value]);
    }
    expect(await sent(alice, connection)).toEqual([200, 'Bearer alices-own']);
  });

  it('Q: every header needs a value and every value a header; one can be replaced without the others', async () => {
    const basic = { authSchema: 'basic', username: 'alice', password: 'alices-password' };
    const two = [
      { name: 'X-One', value: 'first-of-two', encrypt: true },
      { name: 'X-Two', value: 'second-of-two', encrypt: '1' },
    ];
    const refused = async (properties: object) => {
      const answer = await alice.api.post(path, {
        ...{ datasourceID: 'rest', qName: 'refused', space },
        connectionProperties: { url, ...properties },
      });
      expect(answer.text).not.toContain('of-two');
      return [answer.status, answer.body.errors?.[0].detail];
    };
    const empty = [two[0], { ...two[1], value: '' }];
    for (const signIn of [{}, basic])
      expect(await refused({ ...signIn, queryHeaders: empty })).toEqual([
        400,
        'connectionProperties.queryHeaders: needs a value for the encrypted header x-two',
      ]);
    expect(await refused({ encryptedHeaders: [{ name: 'X-Stray', value: 'stray-of-two' }] })).toEqual([
      400,
      'connectionProperties.encryptedHeaders.0.name: is not a request header of the connection with encrypt: true',
    ]);

    const connection = await create('two', { ...basic, queryHeaders: two });
    const sentOf = async () => {
      seen.length = 0;
      await bob.api.post(`${connection}/actions/preview`, { path: [] });
      const [{ authorization = '', ...others } = {}] = seen;
      const [, pair = ''] = authorization.split(' ');
      return [Buffer.from(pair, 'base64').toString(), others['x-one'], others['x-two']];
    };
    const patch = async (changes: Record<string, unknown>) => {
      const answer = await alice.api.patch(
        connection,
        Object.entries(changes).map(([at, value]) => ({ op: 'replace', path: at, value })),
      );
      expect(answer.status, answer.text).toBe(204);
    };
    await patch({ '/connectionProperties/queryHeaders/1/value': 'third-of-two' });
    expect(await sentOf()).toEqual(['alice:alices-password', 'first-of-two', 'third-of-two']);
    await patch({ '/qUsername': 'carol', '/qPassword': 'carols-password' });
    expect(await sentOf()).toEqual(['carol:carols-password', 'first-of-two', 'third-of-two']);

    const separated = await create('two separated', {
      ...{ ...basic, queryHeaders: two, separateCredentials: true, credentialsName: 'two' },
    });
    const bobs = { username: 'bob', password: 'bobs-password' };
    const half = await bob.api.put(`${separated}/credential`, {
      ...{ credentialsName: 'bobs half', connectionProperties: bobs },
    });
    expect(half.body.errors[0].detail).toMatch(/queryHeaders: needs a value for the encrypted header x-one/);
  });

  it('VA8: numbers keep all digits, and asText turns them into strings', async () => {
    const connection = await create('values', {});
    const preview = await alice.api.post(`${connection}/actions/preview`, { path: [], asText: ['in'] });
    expect(preview.body.rows).toEqual([['9007199254740993', '{"n":1.0}']]);
    const read = await alice.api.post(`${connection}/actions/read`, { path: [] });
    expect(read.text).toBe('{"id":"9007199254740993","in":{"n":1.0}}\n');
  });

  it('Q: refuses serverCertificateValidation None unless the operator allows it', async () => {
    const refused = await alice.api.post(path, {
      ...{ datasourceID: 'rest', qName: 'None', space },
      connectionProperties: { url, serverCertificateValidation: 'None' },
    });
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining('sources.rest.unverifiedTls'),
    ]);
  });
});
