import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { connect, good, type Source, startSource } from './__fixtures__/use-stand.js';

const verify = '/api/v1/data-credentials/actions/verify-uses';

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

  it('M: does not happen: no action sends a request to the source; uses resume when the log can be written', async () => {
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

describe('a credential that is replaced while its use is recorded', () => {
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

  it('item 3: opens the credential that was logged, although another one replaces it', async () => {
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
