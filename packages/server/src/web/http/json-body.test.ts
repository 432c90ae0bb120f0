import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

describe('413, 415 and broken bodies', () => {
  let server: TestServer;
  let api: ApiClient;
  beforeAll(async () => {
    server = await startServer();
    api = apiClient(server.url, server.adminKey);
  });
  afterAll(() => server.close());

  it('W25: refuses bodies that are too large, not JSON, or broken, never with a 500', async () => {
    const post = (body: string, type = 'application/json') =>
      api.post('/api/v1/data-connections', body, { 'content-type': type });
    expect((await post(JSON.stringify({ qName: 'x'.repeat(2_000_000) }))).status).toBe(413);
    expect((await post('<x/>', 'application/xml')).status).toBe(415);
    expect((await post('{"qName": ')).status).toBe(400);
    expect((await post('')).status).toBe(400);
    expect((await post('[]')).status).toBe(400);
    expect((await post(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)).status).toBe(400);
    expect((await post('{"__proto__": {"x": 1}, "qName": "a"}')).status).toBe(400);
  });

  it('QL11: accepts JSON files of Windows, and explains what its shells did to others', async () => {
    const send = async (body: Buffer | string) => {
      const response = await fetch(`${server.url}/api/v1/spaces`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
        body,
      });
      const answer = (await response.json()) as { name?: string; errors?: { detail: string }[] };
      return response.status === 201 ? answer.name : answer.errors?.[0]?.detail;
    };
    const text = (name: string) => `{\r\n  "name": "${name}",\r\n  "type": "shared"\r\n}\r\n`;
    const utf16 = Buffer.from(`\ufeff${text('Zürich 16')}`, 'utf16le');
    expect(await send(Buffer.from(`\ufeff${text('Zürich 8')}`, 'utf8'))).toBe('Zürich 8');
    expect(await send(utf16)).toBe('Zürich 16');
    expect(await send(Buffer.from(`\ufeff${text('Zürich BE')}`, 'utf16le').swap16())).toBe('Zürich BE');
    // curl -d @file strips line ends and zero bytes.
    const asText = (file: Buffer) => Buffer.from(file.filter((byte) => ![0, 0x0a, 0x0d].includes(byte)));
    for (const [sent, told] of [
      [asText(utf16), /^body: is incomplete UTF-16, .* send it with --data-binary @file$/],
      [utf16.subarray(0, -1), /^body: is incomplete UTF-16/],
      [
        "'{name:secret-canary,type:shared}'",
        /^body: is not JSON: it starts with a single quote, which the shell/,
      ],
      [
        '{name:secret-canary,type:shared}',
        /^body: is not JSON: its names have no double quotes, which Windows shells/,
      ],
      [Buffer.from(text('Zürich'), 'latin1'), /^body: must be UTF-8\. On Windows, put the JSON into a file/],
      ['{"name": secret-canary}', /^body: is not JSON: broken at character \d+ of 23$/],
      ['{"name": ', /^body: is not JSON/],
    ] as const) {
      const detail = await send(sent as string);
      expect(detail).toMatch(told);
      expect(detail).not.toContain('canary');
    }
  });

  it('W25: refuses a body of too many values before parsing it, and does not count texts', async () => {
    const post = (body: string) =>
      api.post('/api/v1/data-connections', body, { 'content-type': 'application/json' });
    const tooMany = 'body: has more than 30000 values; split it into several requests';
    for (const item of ['0', '""', '[]', '{}', '"\\\\"']) {
      const items = Array.from({ length: 30_001 }, () => item).join();
      expect((await post(`[${items}]`)).body.errors[0].detail).toBe(tooMany);
    }
    for (const text of [',[{"'.repeat(100_000), '\\",'.repeat(100_000)]) {
      const refused = await post(JSON.stringify({ datasourceID: 'rest', qName: text }));
      expect(refused.status).toBe(400);
      expect(refused.text).toContain('qName');
    }
  });

  it('W25: a client that is still sending a refused body gets the error, and keeps the connection', async () => {
    const { hostname, port, host } = new URL(server.url);
    const length = 4 * 1024 * 1024;
    const socket = connect(Number(port), hostname).setEncoding('latin1');
    let received = '';
    socket.on('data', (text) => {
      received += text;
    });
    const head = (line: string) => `${line} HTTP/1.1\r\nHost: ${host}\r\n`;
    socket.write(
      `${head('POST /api/v1/data-connections')}Authorization: Bearer ${server.adminKey}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n{`,
    );
    await expect.poll(() => received).toContain('HTTP/1.1 413');
    for (let sent = 1; sent < length; sent += 65_536)
      socket.write('x'.repeat(Math.min(65_536, length - sent)));
    socket.write(`${head('GET /healthz')}\r\n`);
    await expect.poll(() => received).toContain('HTTP/1.1 200');
    socket.destroy();
  });
});
