import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { startPostgres } from '@mooring/lab/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type ApiClient,
  addUser,
  apiClient,
  type TestUser,
} from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('what the connections of a space may reach', () => {
  let lab: Awaited<ReturnType<typeof startPostgres>>;
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let opened: string;
  let other: string;

  beforeAll(async () => {
    lab = await startPostgres();
    server = await startServer({ configuration: { egress: { loopback: 'deny' } } });
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    const space = async (name: string) =>
      (await alice.api.post('/api/v1/spaces', { name, type: 'shared' })).body.id as string;
    [opened, other] = [await space('Opened'), await space('Other')];
    // As an operator would: the list of the space is written into the configuration, and the server starts again.
    const egress = { loopback: 'deny', spaces: { [opened]: [`127.0.0.1:${lab.port}`] } };
    writeFileSync(path.join(server.dataFolder, '..', 'config.yaml'), JSON.stringify({ egress }));
    await server.restart();
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
  });

  const properties = (port = lab.port) => {
    const { user: username, password } = lab.roles.alice;
    return { host: '127.0.0.1', port, db: lab.database, sslmode: 'disable', username, password };
  };
  const create = async (qName: string, space?: string, port?: number): Promise<string> => {
    const body = { dataSourceId: 'postgres', qName, connectionProperties: properties(port) };
    const made = await alice.api.post('/api/v1/data-connections', { ...body, ...(space ? { space } : {}) });
    expect(made.status, made.text).toBe(201);
    return `/api/v1/data-connections/${made.body.qID}`;
  };
  const browse = (id: string) => alice.api.post(`${id}/actions/browse`);
  const lastStage = ({ body }: Answer) => {
    const { name, ok, code } = body.stages.at(-1);
    return `${name} ${ok ? 'ok' : code}`;
  };
  const refusedOnRecord = async () =>
    (await admin.get('/api/v1/audits?eventType=mooring.v1.destination.refused&limit=100')).body.data;
  it('is what its list opens, on that port, for the connections in it and for no others', async () => {
    const inOpened = await create('in the space', opened);
    expect((await browse(inOpened)).status).toBe(200);
    expect(lastStage(await alice.api.post(`${inOpened}/actions/test`))).toBe('firstRow ok');
    for (const id of [
      await create('personal'),
      await create('elsewhere', other),
      await create('another port', opened, lab.port + 1),
    ]) {
      expect(lastStage(await alice.api.post(`${id}/actions/test`))).toBe('route EGRESS-REFUSED');
      expect((await browse(id)).body.errors[0].code).toBe('EGRESS-REFUSED');
    }
    const unsaved = { dataSourceId: 'postgres', connectionProperties: properties() };
    const answer = await alice.api.post('/api/v1/data-connections/actions/test', unsaved);
    expect(lastStage(answer)).toBe('route EGRESS-REFUSED');
  });

  it('does not follow a connection that leaves the space', async () => {
    const id = await create('on the move', opened);
    expect((await browse(id)).status).toBe(200);
    const moved = await alice.api.patch(id, [{ op: 'replace', path: '/space', value: other }]);
    expect(moved.status, moved.text).toBe(204);
    expect((await browse(id)).body.errors[0].code).toBe('EGRESS-REFUSED');
  });

  it('S01: every refusal is counted, and in the audit log with its user before the answer', async () => {
    const id = await create('counted', other);
    const before = await refusedOnRecord();
    const counted = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(/mooring_egress_refused_total\{reason="loopback"\} (\d+)/.exec(text)?.[1]);
    };
    const count = await counted();
    const refused = await browse(id);
    const after = await refusedOnRecord();
    expect(await counted()).toBe(count + 1);
    expect(after.length - before.length).toBe(1);
    const [event] = after;
    expect(event).toMatchObject({
      userId: alice.id,
      data: { operation: 'browseConnection', traceId: refused.body.traceId },
    });
    expect(id).toMatch(new RegExp(`/${event.data.id}$`));
    // Users who read the log may create connections too, and must not learn from it where a name leads.
    expect(JSON.stringify(event.data)).not.toMatch(/loopback|127\.0\.0\.1/);
    const logged = server
      .logText()
      .split('\n')
      .filter((line) => line.includes('egress refused'));
    expect(JSON.parse(logged.at(-1) ?? '')).toMatchObject({ reason: 'loopback', port: lab.port });
    // A test that ends at the gate is a refusal too, though its answer is a 200.
    const tested = await alice.api.post(`${id}/actions/test`);
    expect(tested.status).toBe(200);
    const [ofTest] = await refusedOnRecord();
    expect(ofTest.data).toMatchObject({ operation: 'testConnection', id: event.data.id });
  });
});
