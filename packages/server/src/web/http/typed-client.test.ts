import { ApiError, createApiClient } from '@mooring/contract/client';
import { createConnection, getConnection } from '@mooring/contract/routes/data-connections';
import { listConnections } from '@mooring/contract/routes/list-data-connections';
import { createSpace } from '@mooring/contract/routes/spaces';
import { readConnection } from '@mooring/contract/routes/use';
import { getMe } from '@mooring/contract/routes/users';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../../testing/start-server.js';

describe('the typed client', () => {
  let server: TestServer;
  const admin = () => createApiClient({ url: `${server.url}/`, token: server.adminKey });
  const body = {
    datasourceID: 'rest',
    qName: 'prices & more',
    connectionProperties: { url: 'http://127.0.0.1:9/prices' },
  };

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  it('calls operations by their route objects, with path, query and body in their places', async () => {
    const created = await admin().call(createConnection, { body });
    if (!('qID' in created)) throw new Error('no connection');
    const found = await admin().call(getConnection, {
      params: { qID: 'prices & more' },
      query: { type: 'connectionname', parseConnection: true },
    });
    expect(found).toMatchObject({ qID: created.qID, connectionProperties: body.connectionProperties });
    const list = await admin().call(listConnections, { query: { filter: 'qName co "&"', limit: 5 } });
    expect(list).toMatchObject({ data: [{ qID: created.qID }] });
    expect((await admin().call(getMe)).subject).toBe('admin');
  });

  it("throws the server's error by code, with the trace id", async () => {
    const refused = await admin()
      .call(createSpace, { body: { name: 'a:b', type: 'shared' } })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    const error = refused as ApiError;
    expect(error.status).toBe(400);
    expect(error.is('DCERROR-0010')).toBe(true);
    expect(error.message).toMatch(/^createSpace answered 400\. DCERROR-0010: name/);
    expect(error.traceId).toMatch(/^[0-9a-f-]{36}$/);
    const nobody = createApiClient({ url: server.url });
    await expect(nobody.call(getMe)).rejects.toMatchObject({ status: 401 });
  });

  it('creates once for one idempotency key', async () => {
    const once = { idempotencyKey: 'typed-client-test' };
    const input = { body: { name: 'Once', type: 'shared' as const } };
    const [first, second] = [
      await admin().call(createSpace, input, once),
      await admin().call(createSpace, input, once),
    ];
    expect(second.id).toBe(first.id);
  });

  it('opens streams, and throws for other answers', async () => {
    const { qID } = (await admin().call(getConnection, {
      params: { qID: 'prices & more' },
      query: { type: 'connectionname' },
    })) as { qID: string };
    const opened = admin().open(readConnection, { params: { qID }, body: { path: [] }, accept: 'text/csv' });
    await expect(opened).rejects.toBeInstanceOf(ApiError);
  });
});
