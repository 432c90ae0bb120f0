import { gzipSync } from 'node:zlib';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const uses = ['test', 'browse', 'preview', 'read'];

describe('a hostile source', () => {
  let source: Awaited<ReturnType<typeof listenOnLoopback>>;
  let server: TestServer;
  let admin: ApiClient;
  let answer: { body: Buffer; encoding: string };

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': answer.encoding });
      response.end(answer.body);
    });
    server = await startServer({});
    admin = apiClient(server.url, server.adminKey);
  });
  afterAll(async () => {
    await server?.close();
    await source?.close();
  });

  const actions = async () => {
    const made = await admin.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: `items ${answer.body.length}` },
      connectionProperties: { url: `${source.url}/items`, authSchema: 'anonymous' },
    });
    expect(made.status, made.text).toBe(201);
    const path = `/api/v1/data-connections/${made.body.qID}/actions`;
    return (use: string) => admin.post(`${path}/${use}`, use === 'test' ? {} : { path: ['items'] });
  };

  it.each([
    [
      'TR1',
      'of 63 MB',
      gzipSync(`[${'{},'.repeat(21 * 1024 * 1024)}{}]`),
      /expands to more than 200 times|holds more than 2,000,000 values/,
    ],
    ['TR25', 'of nothing', Buffer.alloc(300_000 * 20, gzipSync('')), /is almost empty|sends without end/],
  ])(
    '%s: every use refuses it with an error message when it sends gzip %s',
    async (_id, _what, body, words) => {
      answer = { body, encoding: 'gzip' };
      const use = await actions();
      const refused = await Promise.all(uses.map(use));
      for (const { status, text } of refused) {
        expect(status).toBeLessThan(500);
        expect(text).toMatch(words);
      }
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    },
  );

  it('TR1: may send a read what it may not send a test, a browser of it or a preview', async () => {
    answer = {
      body: Buffer.from(JSON.stringify([{ a: 'x'.repeat(3 * 1024 * 1024) }])),
      encoding: 'identity',
    };
    const use = await actions();
    for (const each of ['test', 'browse', 'preview']) {
      expect((await use(each)).text).toContain('A record of the source is longer than 2 MB.');
    }
    expect((await use('read')).status).toBe(200);
  });
});
