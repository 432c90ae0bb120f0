import type { Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { tableFromIPC } from 'apache-arrow';
import { afterEach, describe, expect, it } from 'vitest';
import {
  noCaps as caps,
  closeServers,
  deferred,
  get,
  getBroken,
  open,
  openWithoutReading,
  rawGet,
  serve,
} from './__fixtures__/row-server.js';
import { column, sourceOf, syntheticSource } from './__fixtures__/synthetic-source.js';
import type { ReplyOutcome } from './row-reply.js';

const columns = [column('a', 'integer'), column('b')];
const wide = 'x'.repeat(1000);
const batch = (number: number, rows = 100): Row[] =>
  Array.from({ length: rows }, (_, index) => [number * rows + index, wide]);

afterEach(closeServers);

describe('a whole stream', () => {
  it('ends with the trailer that says so', async () => {
    const source = sourceOf(columns, [[1, 'x']], [[2, 'y']]);
    const { port, ended } = await serve({
      stream: source.stream,
      beforeHead: () => ({ 'x-request-id': 'r1', 'cache-control': 'public' }),
    });
    const answer = await get(port);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'transfer-encoding': 'chunked',
      trailer: 'Mooring-Stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': 'r1',
    });
    expect(answer.trailers).toEqual({ 'mooring-stream': 'complete' });
    expect(await ended).toEqual({ state: 'complete', rows: 2, bytes: answer.body.length });
  });

  it('may be empty', async () => {
    const { port, ended } = await serve({ stream: sourceOf(columns).stream });
    const answer = await get(port);
    expect([answer.status, answer.body.length, answer.trailers['mooring-stream']]).toEqual([
      200,
      0,
      'complete',
    ]);
    expect(await ended).toEqual({ state: 'complete', rows: 0, bytes: 0 });
  });

  it('comes as CSV and as Arrow', async () => {
    const csv = await get(
      (await serve({ stream: sourceOf(columns, [[1, '=x']]).stream, format: 'csv' })).port,
    );
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    expect(csv.body.toString()).toBe('a,b\r\n1,=x\r\n');
    const arrow = await get(
      (await serve({ stream: sourceOf(columns, batch(0)).stream, format: 'arrow' })).port,
    );
    expect(arrow.headers['content-type']).toBe('application/vnd.apache.arrow.stream');
    expect(tableFromIPC(arrow.body).numRows).toBe(100);
  });

  it('is whole although the source is slow to stop behind the limit', async () => {
    const stop = new AbortController();
    const batches = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: { rows: batch(0) } }),
        return: () => new Promise<never>(() => undefined),
      }),
    };
    const { port, ended } = await serve({ stream: { columns, batches }, stop, caps: { ...caps, limit: 5 } });
    expect((await get(port)).trailers).toEqual({ 'mooring-stream': 'complete' });
    expect(await ended).toMatchObject({ state: 'complete', rows: 5 });
    expect(stop.signal.aborted).toBe(true);
  });

  it('does not abort the session, and the connection serves another request', async () => {
    const stop = new AbortController();
    const { port, ended } = await serve({ stream: sourceOf(columns, batch(0)).stream, stop });
    await get(port);
    await ended;
    await new Promise(setImmediate);
    expect(stop.signal.aborted).toBe(false);
  });
});

describe('a cut stream', () => {
  it.each([
    [{ ...caps, rowsMax: 250 }, 'truncated;cap=rows'],
    [{ ...caps, bytesMax: 100_000 }, 'truncated;cap=bytes'],
    [{ ...caps, secondsMax: 0.2 }, 'truncated;cap=time'],
  ])('D14: ends whole, with the cap in the trailer: %j', async (limits, trailer) => {
    const source = syntheticSource(columns, (number) => batch(number));
    const { port, ended } = await serve({ stream: source.stream, caps: limits });
    const answer = await get(port);
    expect(answer.trailers).toEqual({ 'mooring-stream': trailer });
    const lines = answer.body.toString().split('\n').slice(0, -1);
    expect(lines.every((line, index) => JSON.parse(line).a === index)).toBe(true);
    expect(await ended).toMatchObject({ state: 'truncated', rows: lines.length, bytes: answer.body.length });
    expect(source.isReleased()).toBe(true);
  });

  it.each([
    ['ndjson', 0],
    ['ndjson', 1],
    ['csv', 0],
    ['arrow', 0],
    ['arrow', 1],
  ] as const)(
    'D14: ends whole when the time is over while the source is silent: %s after %i',
    async (format, batches) => {
      const stop = new AbortController();
      const { signal } = stop;
      const source = syntheticSource(
        columns,
        (number) => (number < batches ? batch(number) : 'silence'),
        signal,
      );
      const limits = { ...caps, secondsMax: 0.1 };
      const { port, ended } = await serve({ stream: source.stream, format, stop, caps: limits });
      const answer = await get(port);
      expect(answer.trailers).toEqual({ 'mooring-stream': 'truncated;cap=time' });
      expect(await ended).toMatchObject({ state: 'truncated', cap: 'time', rows: batches * 100 });
      if (format === 'arrow') expect(tableFromIPC(answer.body).numRows).toBe(batches * 100);
      await source.released;
      expect(signal.aborted).toBe(true);
    },
  );

  it('VA12: never looks whole to a client that did not ask for trailers, and says which limit cut it', async () => {
    const source = () => syntheticSource(columns, (number) => batch(number)).stream;
    const limits = { ...caps, rowsMax: 250 };
    const { port, ended } = await serve({ stream: source(), caps: limits });
    const { body, isBroken } = await getBroken(port);
    expect(isBroken).toBe(true);
    const lines = body.toString().split('\n');
    expect(lines).toHaveLength(252);
    expect(JSON.parse(lines[250] ?? '')).toEqual({ $mooring: { error: { detail: 'cut by rows' } } });
    expect(await ended).toMatchObject({ state: 'truncated', cap: 'rows', rows: 250 });
    const csv = await serve({ stream: source(), format: 'csv', caps: limits });
    const cut = await getBroken(csv.port);
    expect(cut.isBroken).toBe(true);
    expect(cut.body.toString().split('\r\n')).toHaveLength(252);
  });

  it('D14: is a reset connection for HTTP/1.0, which has no trailers', async () => {
    const received = deferred<void>();
    const source = syntheticSource(columns, async (number) => {
      if (number > 0) await received.promise;
      return batch(number, 3);
    });
    const { port } = await serve({ stream: source.stream, caps: { ...caps, rowsMax: 3 } });
    expect(await rawGet(port, '1.0', received.resolve)).toMatchObject({ code: 'ECONNRESET' });
  });

  it('is whole for HTTP/1.0 when nothing was cut', async () => {
    const { port } = await serve({ stream: sourceOf(columns, [[1, 'x']]).stream });
    const { text, code } = await rawGet(port, '1.0');
    expect(code).toBeUndefined();
    expect(text.endsWith('\r\n\r\n{"a":1,"b":"x"}\n')).toBe(true);
  });
});

describe('a reader', () => {
  it('D25: that leaves stops the source at once, also while the source is silent', async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const source = syntheticSource(columns, (number) => (number === 0 ? batch(0) : 'silence'), signal);
    const { port, ended } = await serve({ stream: source.stream, stop });
    const response = await open(port);
    response.once('data', () => response.destroy());
    expect(await ended).toMatchObject({ state: 'left', rows: 100 });
    await source.released;
    expect(signal.aborted).toBe(true);
  });

  it('D25: that leaves without having read stops the source', async () => {
    const source = syntheticSource(columns, (number) => batch(number));
    const { port, ended } = await serve({ stream: source.stream });
    const socket = await openWithoutReading(port);
    socket.destroy();
    const outcome = await ended.catch((error: unknown) => error);
    expect(outcome instanceof ConnectorError ? outcome.kind : (outcome as ReplyOutcome).state).toMatch(
      /left|cancelled/,
    );
    await source.released;
  });

  it('R23: that takes nothing is cut, and little was read for it', async () => {
    const source = syntheticSource(columns, (number) => batch(number));
    const { port, ended } = await serve({ stream: source.stream, caps: { ...caps, idleSeconds: 0.3 } });
    const socket = await openWithoutReading(port);
    const outcome = await ended;
    expect(outcome).toMatchObject({ state: 'failed', error: { kind: 'timeout' } });
    // The two buffers of the kernel hold some megabytes; nothing beyond them was read.
    expect(outcome.bytes).toBeLessThan(32 * 1_048_576);
    expect(source.pulled() - outcome.rows / 100).toBeLessThanOrEqual(1);
    socket.destroy();
  });
});
