import type { Row, ValueShape } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { MessageReader, tableFromIPC } from 'apache-arrow';
import type * as metadata from 'apache-arrow/ipc/metadata/message';
import { afterEach, describe, expect, it } from 'vitest';
import {
  noCaps as caps,
  closeServers,
  deferred,
  get,
  getBroken,
  open,
  rawGet,
  serve,
} from './__fixtures__/row-server.js';
import { column, sourceOf, syntheticSource } from './__fixtures__/synthetic-source.js';

const columns = [column('a', 'integer'), column('b')];
const wide = 'x'.repeat(1000);
const batch = (number: number, rows = 100): Row[] =>
  Array.from({ length: rows }, (_, index) => [number * rows + index, wide]);

afterEach(closeServers);

describe('a failure before the first byte', () => {
  const failure = new ConnectorError('invalid_query', 'No such table.');

  it('leaves the response free for an error', async () => {
    const stop = new AbortController();
    const { port, ended } = await serve({ stream: sourceOf(columns, failure).stream, stop });
    const answer = await get(port);
    expect([answer.status, answer.body.toString()]).toEqual([418, 'invalid_query']);
    expect(answer.headers['trailer']).toBeUndefined();
    await expect(ended).rejects.toBe(failure);
    expect(stop.signal.aborted).toBe(true);
  });

  it('may be a value that Arrow cannot hold', async () => {
    const source = sourceOf([column('a', 'date')], [['infinity']]);
    const { port } = await serve({ stream: source.stream, format: 'arrow' });
    expect((await get(port)).body.toString()).toBe('unsupported');
    expect(source.isReleased()).toBe(true);
  });

  it('V18: may be a use that cannot be recorded; nothing is sent and the source is left', async () => {
    const source = syntheticSource(columns, (number) => batch(number));
    const { port } = await serve({
      stream: source.stream,
      beforeHead: async () => {
        throw new ConnectorError('cancelled', 'The audit log cannot be written.');
      },
    });
    expect((await get(port)).status).toBe(418);
    expect([source.pulled(), source.isReleased()]).toEqual([1, true]);
  });
});

describe('a failure midway', () => {
  const failing = () =>
    sourceOf(columns, batch(0), batch(1), new ConnectorError('protocol_error', 'The source broke.'));

  it('breaks the body off, so that a part never looks whole', async () => {
    const { port, ended } = await serve({ stream: failing().stream });
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await ended).toMatchObject({ state: 'failed', rows: 200, error: { kind: 'protocol_error' } });
  });

  it('VA11: says why in a last line of NDJSON, which any failure of a source may be', async () => {
    const { port } = await serve({ stream: failing().stream });
    const { body, isBroken } = await getBroken(port);
    expect(isBroken).toBe(true);
    const lines = body.toString().trimEnd().split('\n');
    expect(lines).toHaveLength(201);
    expect(JSON.parse(lines[200] ?? '')).toEqual({
      $mooring: { error: { detail: 'ConnectorError: The source broke.' } },
    });
  });

  it('VA11: says why in the metadata of an empty batch of Arrow, behind every row that there was', async () => {
    const shapes: readonly ValueShape[] = [
      { type: 'integer' },
      { type: 'string' },
      { type: 'bytes' },
      { type: 'decimal', precision: 9, scale: 2 },
      { type: 'json', element: { type: 'string' } },
    ];
    const wide = shapes.map((shape, index) => ({ ...column(`c${index}`), ...shape }));
    const rows: Row[] = [[1, 'x', 'AA==', '1.50', ['a', null]]];
    const broken = () =>
      sourceOf(wide, rows, rows, new ConnectorError('protocol_error', 'The source broke.'));
    const { port } = await serve({ stream: broken().stream, format: 'arrow' });
    const { body, isBroken } = await getBroken(port);
    expect(isBroken).toBe(true);
    expect(tableFromIPC(body).numRows).toBe(2);
    const reader = new MessageReader(body);
    const messages = [];
    for (let message = reader.readMessage(); message; message = reader.readMessage()) {
      messages.push(message);
      reader.readMessageBody(message.bodyLength);
    }
    expect(messages.map((message) => message.isRecordBatch())).toEqual([false, true, true, true]);
    const [before, last] = messages.slice(2).map((message) => message.header() as metadata.RecordBatch);
    expect([last?.length, last?.nodes.length, last?.buffers.length]).toEqual([
      0,
      before?.nodes.length,
      before?.buffers.length,
    ]);
    expect(body.toString('utf8')).toContain('mooring\0');
    expect(body.toString('utf8')).toContain('{"error":{"detail":"ConnectorError: The source broke."}}\0');
  });

  it.each(['ndjson', 'csv', 'arrow'] as const)('sends no last chunk: %s', async (format) => {
    const { port } = await serve({ stream: failing().stream, format });
    const { text } = await rawGet(port, '1.1');
    expect(text).toContain('Transfer-Encoding: chunked');
    expect(text).not.toContain('\r\n0\r\n');
    expect(text).not.toContain('mooring-stream:');
  });

  it('resets the connection of an HTTP/1.0 reader', async () => {
    // Node reports a reset as an ordinary end when it comes together with data, so it comes alone here.
    const received = deferred<void>();
    const source = syntheticSource(columns, async (number) => {
      if (number > 0) await received.promise;
      return number === 0 ? batch(0) : new ConnectorError('protocol_error', 'The source broke.');
    });
    const { port } = await serve({ stream: source.stream });
    expect(await rawGet(port, '1.0', received.resolve)).toMatchObject({ code: 'ECONNRESET' });
  });

  it('X18: comes from a revocation too, while the source is silent', async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const source = syntheticSource(columns, (number) => (number === 0 ? batch(0) : 'silence'), signal);
    const { port, ended } = await serve({ stream: source.stream, stop });
    const response = await open(port);
    response.once('data', () => stop.abort(new ConnectorError('permission_denied', 'Access was revoked.')));
    await new Promise((resolve) => response.once('error', resolve));
    expect(await ended).toMatchObject({ state: 'failed', error: { kind: 'permission_denied' } });
  });

  it('comes from a source that goes silent', async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const source = syntheticSource(columns, (number) => (number === 0 ? batch(0) : 'silence'), signal);
    const { port, ended } = await serve({ stream: source.stream, stop, caps: { ...caps, idleSeconds: 0.1 } });
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await ended).toMatchObject({ state: 'failed', error: { kind: 'timeout' } });
    await source.released;
  });
});
