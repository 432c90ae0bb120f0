import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../../testing/start-server.js';

// 120 connections of 0.8 MB once made another user's list 91 MB and blocked the event loop; 740 made it a lasting 500.

const connections = '/api/v1/data-connections';
const pem = (letter: string) =>
  `-----BEGIN CERTIFICATE-----\n${letter.repeat(90_000)}\n-----END CERTIFICATE-----`;

describe('lists without limit', () => {
  const count = full(700, 300);
  let server: TestServer;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;

  const body = (qName: string, connectionProperties: object = {}) => ({
    ...{ datasourceID: 'rest', qName, space: spaceId },
    connectionProperties: { url: 'http://127.0.0.1:9/', ...connectionProperties },
  });

  beforeAll(async () => {
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Many', type: 'shared' })).body.id;
    const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
    const large = { method: 'POST', body: JSON.stringify('x'.repeat(20_000)) };
    for (let start = 0; start < count; start += 50) {
      const made = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          alice.api.post(connections, body(`number ${String(start + index).padStart(4, '0')}`, large)),
        ),
      );
      expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    }
  });
  afterAll(() => server.close());

  it('TR7: a streamed list is complete, sorted and counted', async () => {
    const answer = await bob.api.get(`${connections}?spaceId=${spaceId}&sort=%2BqName`);
    const names = answer.body.data.map(({ qName }: { qName: string }) => qName);
    expect(names).toEqual(
      Array.from({ length: count }, (_, index) => `number ${String(index).padStart(4, '0')}`),
    );
    expect(answer.body.meta).toEqual({ count });
    expect(answer.headers.get('content-length')).toBeNull();
    const newer = await bob.api.get(`/api/connectivity/data-connections?spaceId=${spaceId}&dataName=them`);
    expect(newer.body.them).toHaveLength(count);
    expect(newer.body.them[0].links.self.href).toContain('/api/connectivity/');
    const byName = `${connections}?spaceId=${spaceId}&sort=-qName&caseinsensitive=true&locale=de`;
    expect((await bob.api.get(byName)).body.data.at(-1).qName).toBe('number 0000');
  });

  it("TR7: a user's third concurrent list waits, and another user's does not", async () => {
    const { hostname, port } = new URL(server.url);
    const open: ClientRequest[] = [];
    /** Reads the headers, not the body. */
    const begin = ({ key }: TestUser) =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { authorization: `Bearer ${key}` };
        const sent = request({
          hostname,
          port,
          path: `${connections}?spaceId=${spaceId}`,
          headers,
          agent: false,
        });
        open.push(sent);
        sent
          .on('response', (response) => resolve(response.pause()))
          .on('error', reject)
          .end();
      });
    await begin(alice);
    await begin(alice);
    let isAnswered = false;
    const third = begin(alice).then((response) => {
      isAnswered = true;
      return response;
    });
    const ofColleague = await bob.api.get(`${connections}?spaceId=${spaceId}`);
    expect(ofColleague.body.data).toHaveLength(count);
    expect((await alice.api.get(`${connections}?spaceId=${spaceId}&limit=1`)).status).toBe(200);
    expect(isAnswered).toBe(false);
    open[0]?.destroy();
    expect((await third).statusCode).toBe(200);
    for (const sent of open) sent.on('error', () => undefined).destroy();
  });

  it('TR7: every path that enlarges a definition limits it to 64 KB, without certificates', async () => {
    // Two bytes each, because the limit is in bytes.
    const bodyOf = (length: number) => JSON.stringify('é'.repeat(length));
    const tooLarge = { method: 'POST', body: bodyOf(40_000) };
    const refused = await alice.api.post(connections, body('large', tooLarge));
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0].detail).toMatch(/^connectionProperties: may have 65536 bytes/);
    const { qID } = (
      await alice.api.post(
        connections,
        body('small', { method: 'POST', body: '{}', separateCredentials: 'true' }),
      )
    ).body;
    const patched = await alice.api.patch(`${connections}/${qID}`, [
      { op: 'replace', path: '/connectionProperties/body', value: tooLarge.body },
    ]);
    expect(patched.body.errors[0].detail).toMatch(/^connectionProperties: may have 65536 bytes/);
    // A definition from before the limit may stay as large, but not grow.
    const { separateCredentials: _, ...definition } = (
      await alice.api.get(`${connections}/${qID}?parseConnection=true`)
    ).body.connectionProperties;
    const stored = JSON.stringify({ ...definition, body: tooLarge.body });
    await server.sql(`UPDATE connection SET properties = '${stored}' WHERE id = '${qID}'`);
    const rename = [{ op: 'replace', path: '/qName', value: 'renamed' }];
    const renamed = await alice.api.patch(`${connections}/${qID}`, rename);
    expect(renamed.status, renamed.text).toBe(204);
    const grow = [{ op: 'replace', path: '/connectionProperties/body', value: bodyOf(40_001) }];
    const grown = await alice.api.patch(`${connections}/${qID}`, grow);
    expect(grown.body.errors[0].detail).toMatch(/^connectionProperties: may have 65536 bytes/);
  });

  it('TR7: an answer contains certificates once, a list none; a PUT of a listed statement keeps them', async () => {
    const rootCertificates = [{ name: 'root.pem', value: pem('A') }];
    const custom = { serverCertificateValidation: 'Custom', rootCertificates };
    const { qID } = (await alice.api.post(connections, body('trusting', custom))).body;
    const listed = (await alice.api.get(`${connections}?spaceId=${spaceId}`)).body.data.find(
      (one: { qID: string }) => one.qID === qID,
    );
    expect(JSON.stringify(listed)).not.toContain('AAAA');
    const path = `${connections}/${qID}`;
    for (const query of ['', '?parseConnection=true']) {
      const { text } = await alice.api.get(`${path}${query}`);
      expect(text.match(/BEGIN CERTIFICATE/g), query).toHaveLength(1);
    }
    const changed = { ...listed, qName: 'renamed once more', datasourceID: 'rest' };
    const put = await alice.api.put(path, changed);
    expect(put.status, put.text).toBe(204);
    const after = (await alice.api.get(`${path}?parseConnection=true`)).body;
    expect(after.qName).toBe('renamed once more');
    expect(after.connectionProperties.rootCertificates).toEqual(rootCertificates);
  });
});
