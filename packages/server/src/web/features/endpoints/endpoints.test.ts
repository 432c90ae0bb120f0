import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const password = 'canary-endpoint-pw-66ab';
const unknownId = '00000000-0000-4000-8000-000000000000';
const base = '/api/connectivity/data-sources';

describe('endpoints and QRIs', () => {
  let server: TestServer;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;
  let shared: { qID: string; qri: string; qConnectStatement: string };
  let personal: { qID: string; qri: string };

  const create = async (person: TestUser, qName: string, space: string | undefined, more: object = {}) =>
    (
      await person.api.post('/api/v1/data-connections', {
        datasourceID: 'postgres',
        qName,
        space,
        connectionProperties: { host: 'db.example.com', db: 'sales', username: 'u', password, ...more },
      })
    ).body;

  beforeAll(async () => {
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    spaceId = (
      await alice.api.post('/api/v1/spaces', { name: 'Team: Sales'.replace(': ', ' '), type: 'shared' })
    ).body.id;
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      type: 'user',
      assigneeId: bob.id,
      roles: ['dataconsumer'],
    });
    shared = await create(alice, 'orders: all', spaceId, {
      separateCredentials: true,
      credentialsName: 'mine',
    });
    personal = await create(alice, 'orders', undefined, { host: 'DB.example.com' });
  });
  afterAll(() => server.close());

  describe('endpoints', () => {
    const filter = (body: object, api: ApiClient = alice.api) =>
      api.post(`${base}/endpoints/actions/filter`, body);

    it('200: answers the endpoint of each data source', async () => {
      const { body } = await alice.api.get(`${base}/endpoints`);
      const sources = (await alice.api.get('/api/v1/data-sources')).body.dataSources;
      expect(body.endpoints).toHaveLength(sources.length);
      expect(body.endpoints[0].url).toMatch(new RegExp(`^${server.url}/api/connectivity/`));
    });

    it('201: finds a connection by id, by qualified name and by name in a space, and hides its login', async () => {
      const expected = {
        endpoint: {
          id: 'postgres',
          dataSourceId: 'postgres',
          url: `${server.url}/api/connectivity/data-connections/${shared.qID}/actions/read`,
          isPodUrl: false,
        },
        connection: {
          connectionString: shared.qConnectStatement,
          dataInterfaceType: 'data',
          connectionId: shared.qID,
          qri: shared.qri,
          spaceQualifiedConnectionName: 'Team Sales:orders: all',
        },
      };
      for (const body of [
        { connectionId: shared.qID },
        { connectionName: 'Team Sales:orders: all' },
        { connectionName: 'team sales:orders: all', spaceId: 'ignored' },
        { connectionName: ':orders: all', spaceId },
        { connectionName: 'orders: all', spaceId, checkCredentials: 'true', type: 'rld' },
      ]) {
        const answer = await filter(body);
        expect([answer.status, answer.body]).toEqual([201, expected]);
        expect(answer.text).not.toContain(password);
      }
      const own = await filter({ connectionName: ':orders' });
      expect(own.body.connection).toMatchObject({
        connectionId: personal.qID,
        spaceQualifiedConnectionName: ':orders',
      });
    });

    it('201: describes a connect statement, and a data source alone', async () => {
      const described = await filter({ connectionString: shared.qConnectStatement });
      expect(described.body.connection.qri).toBe(shared.qri);
      expect((await filter({ dataSourceId: 'rest' })).body).toEqual({
        endpoint: expect.objectContaining({ dataSourceId: 'rest' }),
      });
    });

    it('400: needs exactly one selector, and no secret in a statement', async () => {
      expect((await filter({})).status).toBe(400);
      expect((await filter({ connectionId: shared.qID, connectionName: 'x' })).status).toBe(400);
      expect((await filter({ connectionId: 'x' })).status).toBe(400);
      const secret = await filter({ connectionString: `driver=postgres;host=h;password=${password};` });
      expect(secret.status).toBe(400);
      expect(secret.text).not.toContain(password);
      expect((await filter({ connectionString: 'host=h' })).body.errors[0].detail).toMatch(/^dataSourceId/);
    });

    it('403: with checkCredentials, tells a caller without a credential where to provide one', async () => {
      expect((await filter({ connectionId: shared.qID }, bob.api)).status).toBe(201);
      const answer = await filter({ connectionId: shared.qID, checkCredentials: true }, bob.api);
      expect([answer.status, answer.body.errors[0].code]).toEqual([403, 'CREDENTIALS-REQUIRED']);
      expect(answer.body.errors[0].meta).toMatchObject({ reason: 'missing', connectionId: shared.qID });
    });

    it("X05, X10, 404: other users' connections get the same answer as unknown ones", async () => {
      const unknown = await filter({ connectionId: unknownId }, bob.api);
      expect(unknown.status).toBe(404);
      for (const body of [
        { connectionId: personal.qID },
        { connectionName: ':orders' },
        { connectionName: 'No:orders' },
      ]) {
        const foreign = await filter(body, bob.api);
        expect({ ...foreign.body, traceId: '' }).toEqual({ ...unknown.body, traceId: '' });
      }
      expect((await filter({ dataSourceId: 'nosuch' })).body.errors[0].code).toBe('DCAAS-2001');
    });
  });

  describe('QRIs', () => {
    const generate = (data: unknown, more: object = {}, api: ApiClient = alice.api) =>
      api.post(`${base}/actions/generate-qri`, { data, ...more });

    it('207: the same target has the same QRI, by id, name and statement', async () => {
      const answer = await generate([
        { connection: shared.qID, connectionType: 'id', requestId: 'a' },
        { connection: 'Team Sales:orders: all', connectionType: 'name', requestId: 'b' },
        { connection: 'orders: all', connectionType: 'name', spaceId },
        { connection: shared.qConnectStatement, connectionType: 'properties', dataSourceId: 'postgres' },
        { connection: personal.qID, connectionType: 'id' },
      ]);
      expect(answer.status).toBe(207);
      const qris = answer.body.data.map((item: { qri: string }) => item.qri);
      expect(new Set([...qris, shared.qri, personal.qri])).toEqual(new Set([shared.qri]));
      expect(shared.qri).toMatch(/^qri:db:postgres:\/\/[\w-]{43}$/);
      expect(answer.body.data[0]).toEqual({
        connection: shared.qID,
        connectionType: 'id',
        dataSourceId: 'postgres',
        isFullyQualified: false,
        qri: shared.qri,
        requestId: 'a',
        status: { code: 200 },
      });
    });

    it('207: append the path, by name or position, hashed unless rawValues is set', async () => {
      const path = ['sales', 'public', 'orders'];
      const names = ['database', 'schema', 'table'];
      const items = [
        { pathProperties: names.map((name, index) => ({ name, value: path[index] })) },
        { pathProperties: names.map((name, index) => ({ name, value: path[index] })).toReversed() },
        { pathProperties: path.map((value) => ({ value })) },
        { pathProperties: [{ value: 'sales' }] },
        { pathProperties: path.map((value) => ({ value })), itemProperties: [{ value: 'amount' }] },
      ].map((item) => ({ ...item, connection: shared.qID, connectionType: 'id' }));
      const { data } = (await generate(items)).body;
      expect(data[0].qri).toMatch(new RegExp(`^${shared.qri}#[\\w-]{43}$`));
      expect([data[1].qri, data[2].qri]).toEqual([data[0].qri, data[0].qri]);
      expect(data.map((item: { isFullyQualified: boolean }) => item.isFullyQualified)).toEqual([
        true,
        true,
        true,
        false,
        true,
      ]);
      expect(data[4].qri.startsWith(`${data[0].qri}#`)).toBe(true);
      const raw = (await generate(items.slice(0, 1), { rawValues: true })).body.data[0].qri;
      expect(raw).toBe('qri:db:postgres://db.example.com/5432/sales#sales/public/orders');
    });

    it('207: fail one by one, and repeat nothing from a refused statement', async () => {
      const answer = await generate([
        { connection: unknownId, connectionType: 'id', requestId: 'unknown' },
        { connection: 'x', connectionType: 'id' },
        { connection: `driver=postgres;password=${password};`, connectionType: 'properties' },
        { connection: shared.qConnectStatement, connectionType: 'properties', dataSourceId: 'nosuch' },
        { connection: shared.qID, connectionType: 'id', pathProperties: [{ name: 'bucket', value: 'x' }] },
        { connection: shared.qID, connectionType: 'id' },
      ]);
      expect(answer.status).toBe(207);
      const codes = answer.body.data.map((item: { status: { code: number } }) => item.status.code);
      expect(codes).toEqual([404, 400, 400, 404, 400, 200]);
      expect(answer.body.data[3].status.errorResponse).toMatchObject({
        dcaasErrorCode: 2001,
        errorCodeName: 'DCAAS-2001',
      });
      expect(answer.text).not.toContain(password);
    });

    it('400: accepts at most 100 items, each with its type; 207: and an empty list', async () => {
      const item = { connection: shared.qID, connectionType: 'id' };
      expect((await generate(Array.from({ length: 100 }, () => item))).body.data).toHaveLength(100);
      expect((await generate(Array.from({ length: 101 }, () => item))).status).toBe(400);
      expect((await generate([{ connection: shared.qID }])).status).toBe(400);
      expect((await generate(undefined)).body).toEqual({ data: [] });
    });

    it("X05: another user's connection gets the same answer as an unknown one", async () => {
      const [foreign, unknown] = (
        await generate(
          [personal.qID, unknownId].map((connection) => ({ connection, connectionType: 'id' })),
          {},
          bob.api,
        )
      ).body.data;
      expect({ ...foreign, connection: '' }).toEqual({ ...unknown, connection: '' });
    });

    it('401: need a key', async () => {
      expect((await generate([], {}, apiClient(server.url, undefined))).status).toBe(401);
    });
  });
});
