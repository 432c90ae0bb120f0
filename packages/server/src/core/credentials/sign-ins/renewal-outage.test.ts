import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DatabaseRelay, startDatabaseRelay } from '@mooring/lab/postgres/relay';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Answer, type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startNodes, type TestNodes } from '../../../testing/start-nodes.js';
import type { TestServer } from '../../../testing/start-server.js';

// What callers get when the store, or a grant, goes away while a use asks for a token.

const door = '/api/v1/data-connections';

describe('a renewal, as callers see it', () => {
  let relay: DatabaseRelay;
  let all: TestNodes;
  let admin: ApiClient;
  let servers: Server[];
  /** The provider, and the source that takes its newest token. */
  let provider: { url: string; answer: (response: ServerResponse) => void; calls: number };
  let source: { url: string; takes: (token: string) => boolean };
  let issued = 0;
  let count = 0;

  const listen = async (answer: (token: string, response: ServerResponse) => void) => {
    const server = createServer((request, response) => {
      request.resume().once('end', () => answer(request.headers.authorization?.slice(7) ?? '', response));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const json = (response: ServerResponse, status: number, body: unknown) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const issue = (response: ServerResponse) => {
    issued += 1;
    json(response, 200, {
      access_token: `canary-access-${issued}`,
      refresh_token: `canary-refresh-${issued}`,
      token_type: 'bearer',
      expires_in: 3600,
    });
  };
  const dead = (response: ServerResponse) => json(response, 400, { error: 'invalid_grant' });
  const isNewest = (token: string) => token === `canary-access-${issued}`;

  beforeAll(async () => {
    const database = inject('databaseServer');
    if (!database) throw new Error('these tests belong to the project "PostgreSQL store"');
    relay = await startDatabaseRelay(database);
    all = await startNodes({
      count: 1,
      via: (url) => {
        const through = new URL(url);
        through.port = String(relay.port);
        return through.href;
      },
    });
    const node = all.nodes[0] as TestServer;
    admin = apiClient(node.url, node.adminKey);
  });
  afterAll(async () => {
    await all.close();
    await relay.close();
  });
  beforeEach(async () => {
    servers = [];
    provider = { url: '', answer: issue, calls: 0 };
    provider.url = await listen((_, response) => {
      provider.calls += 1;
      provider.answer(response);
    });
    source = { url: '', takes: isNewest };
    source.url = await listen((token, response) =>
      source.takes(token) ? json(response, 200, [{ who: token }]) : json(response, 401, {}),
    );
  });
  afterEach(() => {
    relay.thaw();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  const connect = async (): Promise<string> => {
    count += 1;
    const made = await admin.post(door, {
      ...{ datasourceID: 'rest', qName: `renewal ${count}` },
      connectionProperties: {
        ...{ url: source.url, authSchema: 'oauth2', authorizationUrl: `${provider.url}/authorize` },
        ...{ tokenUrl: `${provider.url}/token`, clientId: 'c', refreshToken: 'canary-refresh-of-another' },
      },
    });
    expect(made.status, made.text).toBe(201);
    provider.calls = 0;
    return `${door}/${made.body.qID}`;
  };
  const read = (connection: string) => admin.post(`${connection}/actions/preview`, { path: [] });
  const codeOf = ({ status, body }: Answer) => `${status} ${body.errors?.[0].code}`;

  it('LI20: a store that goes away while a token is asked for is a 503 with Retry-After, not a failure of the source', async () => {
    const connection = await connect();
    source.takes = (token) => isNewest(token) && issued > before;
    const before = issued;
    // For this one statement; what the use itself writes is stored.
    relay.cutBefore('update "grant_state"');
    const refused = await read(connection);
    expect(codeOf(refused)).toBe('503 NOT-READY');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(provider.calls).toBe(0);
    // Whatever became of the lease: this node holds it or no node does, so it need not be waited for.
    await expect.poll(async () => (await read(connection)).status, { timeout: 10_000 }).toBe(200);
    expect(provider.calls).toBe(1);
  });

  it('LI17: a lease whose taking was cut off at its commit is taken again by the same node at once', async () => {
    const connection = await connect();
    const before = issued;
    source.takes = (token) => isNewest(token) && issued > before;
    relay.cutAtCommit('update "grant_state"');
    const refused = await read(connection);
    expect(codeOf(refused)).toBe('503 NOT-READY');
    const since = performance.now();
    await expect.poll(async () => (await read(connection)).status, { timeout: 10_000 }).toBe(200);
    expect(performance.now() - since).toBeLessThan(10_000);
    expect(provider.calls).toBe(1);
  });

  it('LI20: the first answers after a grant is lost say so, with the link, whichever node sees it first', async () => {
    const connection = await connect();
    source.takes = () => false;
    provider.answer = dead;
    const answers = await Promise.all(Array.from({ length: 20 }, () => read(connection)));
    for (const answer of answers) {
      expect(codeOf(answer)).toBe('403 CREDENTIALS-REQUIRED');
      expect(answer.body.errors[0].meta.signIn.authUrl).toContain(provider.url);
    }
    expect(provider.calls).toBe(1);
  });

  it('LI20: a token that was renewed for another use, and is dead by then, is found out at the provider', async () => {
    const connection = await connect();
    const old = `canary-access-${issued}`;
    let held: (() => void) | undefined;
    // The first use comes with the old token, and is refused only when a second one has renewed it.
    const first = new Promise<void>((resolve) => {
      held = resolve;
    });
    let isFirst = true;
    for (const server of servers.slice(1)) server.removeAllListeners('request');
    servers[1]?.on('request', (request, response) => {
      const token = request.headers.authorization?.slice(7) ?? '';
      request.resume();
      if (token === old && isFirst) {
        isFirst = false;
        void first.then(() => json(response, 401, {}));
      } else json(response, token === old || provider.answer === dead ? 401 : 200, [{ who: token }]);
    });
    const waiting = read(connection);
    await expect.poll(() => isFirst).toBe(false);
    expect((await read(connection)).status).toBe(200);
    provider.answer = dead;
    held?.();
    const answer = await waiting;
    expect(codeOf(answer)).toBe('403 CREDENTIALS-REQUIRED');
    expect(answer.body.errors[0].meta.signIn.authUrl).toContain(provider.url);
    expect(provider.calls).toBe(2);
  });
});
