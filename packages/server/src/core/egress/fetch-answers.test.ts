import { createHash, randomBytes } from 'node:crypto';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { describe, expect, it } from 'vitest';
import { rejectionOf } from './__fixtures__/canary.js';
import { buildGate, endlessAnswers, startEndless, startHttp, startRaw } from './__fixtures__/http-servers.js';

describe('fetch receives', () => {
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['BR', brotliCompressSync],
    ['identity', (text: string) => Buffer.from(text)],
  ])('a body in %s decoded', async (encoding, encode) => {
    const body = encode('hello'.repeat(100));
    await using server = await startHttp((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding, 'content-length': body.length }).end(body),
    );
    const response = await buildGate().fetch(server.url);
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(await response.text()).toBe('hello'.repeat(100));
  });

  it('a large body unchanged, at the pace of its reader', async () => {
    const piece = randomBytes(64 * 1024);
    const pieces = 256;
    let written = 0;
    await using server = await startHttp(async (_request, response) => {
      for (; written < pieces; written += 1) {
        if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end();
    });
    const { body } = await buildGate().fetch(server.url);
    const hash = createHash('sha256');
    const reader = body?.getReader();
    const first = await reader?.read();
    hash.update(first?.value ?? '');
    expect(written).toBeLessThan(pieces);
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read())
      hash.update(next.value);
    const expected = createHash('sha256');
    for (let index = 0; index < pieces; index += 1) expected.update(piece);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
  });

  it('TR1 TR25: no compressed body that expands without measure, or that holds next to nothing', async () => {
    const text = async (body: Buffer, encoding: string) => {
      await using server = await startHttp((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(body),
      );
      return (await buildGate().fetch(server.url)).text();
    };
    const objects = Buffer.alloc(8 * 1024 * 1024, '{},');
    for (const [encoding, body] of [
      ['gzip', gzipSync(objects)],
      ['deflate', deflateSync(objects)],
      ['br', brotliCompressSync(objects, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ] as const) {
      expect(body.length).toBeLessThan(16 * 1024);
      expect(await rejectionOf(text(body, encoding))).toMatchObject({
        kind: 'too_large',
        message: 'The compressed data of the source expands to more than 200 times its size.',
      });
    }
    const member = gzipSync('');
    const empty = Buffer.alloc(6 * 1024 * 1024 - ((6 * 1024 * 1024) % member.length), member);
    expect(await rejectionOf(text(empty, 'gzip'))).toMatchObject({ kind: 'protocol_error' });
    expect(await text(gzipSync('a'.repeat(1024 * 1024)), 'gzip')).toHaveLength(1024 * 1024);
  });

  it('D16: no more of a compressed body than allowed after decompression', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    await using server = await startHttp((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    const before = process.memoryUsage().rss;
    const response = await buildGate().fetch(server.url);
    const reader = response.body?.getReader();
    const error = await rejectionOf(
      (async () => {
        while (!(await reader?.read())?.done);
      })(),
    );
    expect(error).toMatchObject({ kind: 'too_large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('D16: a body of exactly the limit, and none above', async () => {
    await using server = await startHttp((_request, response) => response.end('12345'));
    const gate = buildGate();
    expect(await (await gate.fetch(server.url, { bodyBytesMax: 5 })).text()).toBe('12345');
    const response = await gate.fetch(server.url, { bodyBytesMax: 4 });
    const error = await rejectionOf(response.text());
    expect(error).toBeInstanceOf(ConnectorError);
    expect(error).toMatchObject({ kind: 'too_large' });
  });

  it.each(['zstd', 'gzip, gzip', 'gzip,br'])('no body in %s', async (encoding) => {
    await using server = await startHttp((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end('x'),
    );
    expect(await rejectionOf(buildGate().fetch(server.url))).toMatchObject({ kind: 'unsupported' });
  });

  it('answers without a body as such', async () => {
    await using server = await startHttp((request, response) =>
      response.writeHead(request.method === 'HEAD' ? 200 : 204, { 'content-length': '0' }).end(),
    );
    expect((await buildGate().fetch(server.url)).body).toBeNull();
    expect((await buildGate().fetch(server.url, { method: 'HEAD' })).body).toBeNull();
  });

  it('every cookie of the answer', async () => {
    await using server = await startHttp((_request, response) =>
      response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end(),
    );
    expect((await buildGate().fetch(server.url)).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });
});

describe('fetch fails', () => {
  it.each([
    ['a banner that is not HTTP', 'SSH-2.0-secret\r\n'],
    ['a header above the limit', `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(64 * 1024)}\r\n\r\n`],
    ['an impossible status', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
  ])('S10: on %s, without repeating it', async (_name, answer) => {
    await using server = await startRaw(answer);
    const error = await rejectionOf(buildGate().fetch(server.url));
    expect(error).toMatchObject({ kind: 'protocol_error' });
    expect(error.message).not.toContain('secret');
  });

  it.each([
    ['no answer', ''],
    ['half of the headers', 'HTTP/1.1 200 OK\r\nx-a'],
  ])('on %s as unreachable', async (_name, answer) => {
    await using server = await startRaw(answer);
    expect(await rejectionOf(buildGate().fetch(server.url))).toMatchObject({ kind: 'unreachable' });
  });

  it.each([
    ['a truncated body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', 'unreachable'],
    ['invalid chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'protocol_error'],
    [
      'a false gzip',
      'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf',
      'protocol_error',
    ],
  ])('while reading %s', async (_name, answer, kind) => {
    await using server = await startRaw(answer);
    const gate = buildGate();
    const error = await rejectionOf(gate.fetch(server.url).then((response) => response.text()));
    expect(error).toMatchObject({ kind });
  });

  const emptyLines: (typeof endlessAnswers)[number] = ['empty lines', '', '\r\n'];
  it.each([...endlessAnswers, emptyLines])(
    'TR18: on an answer whose %s have no end',
    async (_title, start, piece) => {
      await using server = await startEndless(start, piece);
      const gate = buildGate();
      const error = await rejectionOf(gate.fetch(server.url).then((response) => response.text()));
      expect(error).toBeInstanceOf(ConnectorError);
      expect(error).toMatchObject({ kind: expect.stringMatching(/^(protocol_error|unreachable)$/) });
      // Plus what the two ends of the connection buffer.
      expect(server.sent()).toBeLessThan(24 * 1024 * 1024);
    },
  );

  it('D20: in time on a server that is silent, before and within its answer', async () => {
    const gate = buildGate({ responseTimeoutMs: 50 });
    await using silent = await startRaw('', false);
    expect(await rejectionOf(gate.fetch(silent.url))).toMatchObject({ kind: 'timeout' });
    await using stalled = await startRaw('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', false);
    const response = await gate.fetch(stalled.url);
    expect(await rejectionOf(response.text())).toMatchObject({ kind: 'timeout' });
  });

  it('D25: as cancelled when the caller leaves, and hangs up', async () => {
    const gone: Promise<unknown>[] = [];
    await using server = await startHttp((request, response) => {
      gone.push(new Promise((resolve) => request.socket.once('close', resolve)));
      if (request.url === '/body') response.write('half');
    });
    const gate = buildGate();
    for (const path of ['/headers', '/body']) {
      const caller = new AbortController();
      const answer = gate.fetch(`${server.url}${path}`, { signal: caller.signal });
      const failed = rejectionOf(answer.then((response) => response.text()));
      await expect.poll(() => server.seen.length).toBe(path === '/headers' ? 1 : 2);
      if (path === '/body') await answer;
      caller.abort();
      expect(await failed).toMatchObject({ kind: 'cancelled' });
    }
    await Promise.all(gone);
    const before = server.seen.length;
    const error = await rejectionOf(gate.fetch(server.url, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ kind: 'cancelled' });
    expect(server.seen).toHaveLength(before);
  });

  it('D25: while the connection is being made, when the caller leaves', async () => {
    const caller = new AbortController();
    const gate = buildGate({ lookup: () => new Promise(() => undefined) });
    const failed = rejectionOf(gate.fetch('http://slow.example.test/', { signal: caller.signal }));
    setImmediate(() => caller.abort());
    expect(await failed).toMatchObject({ kind: 'cancelled' });
  });

  it('not at all when its body is left, and hangs up', async () => {
    let left: Promise<unknown> | undefined;
    await using server = await startHttp((request, response) => {
      left = new Promise((resolve) => request.socket.once('close', resolve));
      response.write('half');
    });
    const response = await buildGate().fetch(server.url);
    await response.body?.cancel();
    await left;
    expect(server.seen).toHaveLength(1);
  });
});
