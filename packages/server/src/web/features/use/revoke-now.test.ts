import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { startPostgres } from '@mooring/lab/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startNodes } from '../../../testing/start-nodes.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// A revoked right ends the uses that depend on it: on the same node and, where the store is shared, on the others.

/** The bound that docs/guides/revoke-now.md states. */
const endsWithinMs = 2_000;

describe('X18: a stream ends when the right to it is gone', () => {
  let lab: Awaited<ReturnType<typeof startPostgres>>;
  /** Where things are taken away, and where the stream runs. */
  let here: TestServer;
  let there: TestServer;
  let close: () => Promise<void>;
  let owner: TestUser;
  let admin: ApiClient;
  let spaceId: string;
  let bob: TestUser;
  let assignmentId: string;
  let connection: string;
  let count = 0;

  beforeAll(async () => {
    lab = await startPostgres({ rowsInBig: 20_000_000 });
    if (inject('databaseServer')) {
      const all = await startNodes({ count: 2 });
      [here, there] = all.nodes as [TestServer, TestServer];
      close = all.close;
    } else {
      here = await startServer();
      there = here;
      close = () => here.close();
    }
    admin = apiClient(here.url, here.adminKey);
    owner = await addUser(here.url, here.adminKey, 'owner');
    spaceId = (await owner.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
    const made = await owner.api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'big',
      space: spaceId,
      connectionProperties: {
        ...{
          host: lab.host,
          port: lab.port,
          db: lab.database,
          sslmode: 'disable',
          separateCredentials: true,
        },
        ...{ credentialsName: 'mine', username: lab.roles.reader.user, password: lab.roles.reader.password },
      },
    });
    expect(made.status, made.text).toBe(201);
    connection = `/api/v1/data-connections/${made.body.qID}`;
  });
  afterAll(async () => {
    await close();
    await lab.close();
  });
  const join = async (roles: 'TenantAdmin'[] = []) => {
    count += 1;
    bob = await addUser(here.url, here.adminKey, `bob ${count}`, roles);
    const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
    assignmentId = (await owner.api.post(`/api/v1/spaces/${spaceId}/assignments`, member)).body.id;
    const { user: username, password } = lab.roles.reader;
    const brought = await bob.api.put(`${connection}/credential`, {
      credentialsName: `bobs ${count}`,
      connectionProperties: { username, password },
    });
    expect(brought.status, brought.text).toBe(200);
  };
  beforeEach(() => join());

  const read = () =>
    fetch(`${there.url}${connection}/actions/read`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bob.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ path: ['sales', 'big'] }),
    });
  const drain = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
    for (let next = await reader.read(); !next.done; next = await reader.read());
  };
  const credentialId = async () => (await bob.api.get(`${connection}/credential`)).body.credentialId;

  const ways: [what: string, take: () => Promise<{ status: number }>][] = [
    [
      'their place in the space',
      () => owner.api.delete(`/api/v1/spaces/${spaceId}/assignments/${assignmentId}`),
    ],
    [
      'their account',
      () => admin.patch(`/api/v1/users/${bob.id}`, [{ op: 'replace', path: '/status', value: 'disabled' }]),
    ],
    [
      'their key',
      async () => {
        const keys = await bob.api.get('/api/v1/api-keys');
        return bob.api.delete(`/api/v1/api-keys/${keys.body.data[0].id}`);
      },
    ],
    ['their credential', async () => bob.api.delete(`/api/v1/data-credentials/${await credentialId()}`)],
    ['the link to it', () => bob.api.delete(`${connection}/credential`)],
    ['the source', () => admin.put('/api/v1/data-sources/postgres/settings', { disabled: true })],
  ];

  const expectEnd = async (take: () => Promise<{ status: number }>) => {
    const response = await read();
    expect(response.status).toBe(200);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    let ended = 0;
    const reading = drain(reader).then(
      () => 'whole',
      () => 'broken off',
    );
    void reading.then(() => {
      ended = performance.now();
    });
    expect((await take()).status).toBeLessThan(300);
    const begun = performance.now();
    expect(await reading).toBe('broken off');
    expect(ended - begun).toBeLessThan(endsWithinMs);
    await expect.poll(async () => (await read()).status, { timeout: 5000 }).toBeGreaterThanOrEqual(400);
  };

  it.each(ways)('taking away %s', async (what, take) => {
    await expectEnd(take);
    if (what === 'the source') await admin.put('/api/v1/data-sources/postgres/settings', { disabled: false });
  });

  it('removing the role of a tenant administrator, who still sees the connection', async () => {
    await join(['TenantAdmin']);
    await expectEnd(() => owner.api.delete(`/api/v1/spaces/${spaceId}/assignments/${assignmentId}`));
    expect((await bob.api.get(connection)).status).toBe(200);
  });

  it('the choice of another credential ends what runs under the former one', async () => {
    const { user: username, password } = lab.roles.reader;
    const former = await credentialId();
    const another = await bob.api.post('/api/v1/data-credentials', {
      ...{ datasourceID: 'postgres', qName: `another ${count}` },
      connectionProperties: {
        host: lab.host,
        port: lab.port,
        db: lab.database,
        sslmode: 'disable',
        username,
        password,
      },
    });
    expect(another.status, another.text).toBe(201);
    const response = await read();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const reading = drain(reader).then(
      () => 'whole',
      () => 'broken off',
    );
    const chosen = await bob.api.put(`${connection}/credential`, { credentialId: another.body.qID });
    expect(chosen.body, chosen.text).toMatchObject({ state: 'ready', credentialId: another.body.qID });
    const begun = performance.now();
    expect(await reading).toBe('broken off');
    expect(performance.now() - begun).toBeLessThan(endsWithinMs);
    const uses = () => bob.api.get(`/api/v1/data-credentials/${former}/uses`);
    await expect.poll(async () => (await uses()).body.data[0].result, { timeout: 20_000 }).toBe('revoked');
  });

  it('NO11: a client that does not read gets nothing more: what is buffered for it is discarded', async () => {
    const { hostname, port } = new URL(there.url);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify({ path: ['sales', 'big'] });
    socket.write(
      `POST ${connection}/actions/read HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${bob.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, 'data');
    socket.pause();
    // The system may tell so that what it held was thrown away.
    socket.on('error', () => undefined);
    const id = await credentialId();
    await owner.api.delete(`/api/v1/spaces/${spaceId}/assignments/${assignmentId}`);
    const begun = performance.now();
    // Until then the system still sends what it has buffered; a proper end would come after all of that.
    const hex = (number: number | undefined) => Number(number).toString(16).toUpperCase().padStart(4, '0');
    const pair = `0100007F:${hex(Number(port))} 0100007F:${hex(socket.localPort)}`;
    const isHeld = () => readFileSync('/proc/net/tcp', 'latin1').includes(pair);
    expect(isHeld()).toBe(true);
    await expect.poll(isHeld, { interval: 20 }).toBe(false);
    expect(performance.now() - begun).toBeLessThan(endsWithinMs);
    const uses = () => bob.api.get(`/api/v1/data-credentials/${id}/uses`);
    await expect.poll(async () => (await uses()).body.data[0].result).toBe('revoked');
    socket.destroy();
  });

  it('NO11: a key, and a user, are refused on every node within the same bound', async () => {
    const second = (await bob.api.post('/api/v1/api-keys', { description: 'second' })).body;
    for (const [key, take] of [
      [second.token, () => bob.api.delete(`/api/v1/api-keys/${second.id}`)],
      [
        bob.key,
        () => admin.patch(`/api/v1/users/${bob.id}`, [{ op: 'replace', path: '/status', value: 'disabled' }]),
      ],
    ] as const) {
      const elsewhere = apiClient(there.url, key);
      expect((await elsewhere.get('/api/v1/users/me')).status).toBe(200);
      expect((await take()).status).toBeLessThan(300);
      const begun = performance.now();
      await expect
        .poll(async () => (await elsewhere.get('/api/v1/users/me')).status, { interval: 20 })
        .toBe(401);
      expect(performance.now() - begun).toBeLessThan(endsWithinMs);
    }
  });

  it('logs the use as revoked', async () => {
    const response = await read();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const id = await credentialId();
    await bob.api.delete(`${connection}/credential`);
    await drain(reader).catch(() => undefined);
    const uses = () => bob.api.get(`/api/v1/data-credentials/${id}/uses`);
    await expect.poll(async () => (await uses()).body.data[0].result, { timeout: 20_000 }).toBe('revoked');
  });
});
