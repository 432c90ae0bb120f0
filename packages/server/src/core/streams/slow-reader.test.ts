import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Row } from '@mooring/connectors/interface/data-types';
import { describe, expect, it } from 'vitest';
import { column, syntheticSource } from './__fixtures__/synthetic-source.js';
import { encodeRows } from './encoded-rows.js';
import type { StreamFormat } from './media-type.js';
import { sendRows } from './row-reply.js';

const columns = [column('id', 'integer'), column('name'), column('at', 'timestamp')];
const ROWS = 2_000_000;
const BATCH_ROWS = 1000;
const caps = { rowsMax: 0, bytesMax: 0, secondsMax: 0, idleSeconds: 30 };

const batchAt = (number: number): Row[] =>
  Array.from({ length: BATCH_ROWS }, (_, index) => [
    number * BATCH_ROWS + index,
    `customer ${number}`,
    '2024-02-29T12:34:56.000001Z',
  ]);

/** Reads at the pace of the event loop: pauses after every chunk for a few turns. */
function readSlowly(port: number): Promise<{ bytes: number; state: string | undefined }> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        response.pause();
        setImmediate(() => setImmediate(() => response.resume()));
      });
      response.on('end', () => resolve({ bytes, state: response.trailers['mooring-stream'] }));
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** Serves the rows once, and notes how much is buffered for the reader whenever a batch is requested. */
async function measure(format: StreamFormat) {
  let response: ServerResponse | undefined;
  let heldMax = 0;
  let memoryMax = 0;
  const memory = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const source = syntheticSource(columns, (number) => {
    heldMax = Math.max(heldMax, response?.writableLength ?? 0, response?.socket?.writableLength ?? 0);
    if (number % 50 === 0) memoryMax = Math.max(memoryMax, memory());
    return number < ROWS / BATCH_ROWS ? batchAt(number) : undefined;
  });
  let sent: ReturnType<typeof sendRows> | undefined;
  const server = createServer((_request, served) => {
    response = served;
    const stop = new AbortController();
    const rows = encodeRows(source.stream, format, caps, stop);
    sent = sendRows({ response: served, rows, format, stop, idleSeconds: caps.idleSeconds });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const before = memory();
  const read = await readSlowly((server.address() as AddressInfo).port);
  server.close();
  return { ...read, outcome: await sent, heldMax, memoryGrowth: memoryMax - before };
}

describe('R23: a slow reader of two million rows', () => {
  it.each(['ndjson', 'csv', 'arrow'] as const)(
    'never has more than a batch held for it: %s',
    async (format) => {
      const { bytes, state, outcome, heldMax, memoryGrowth } = await measure(format);
      expect(state).toBe('complete');
      expect(outcome).toEqual({ state: 'complete', rows: ROWS, bytes });
      const batchBytes = (bytes / ROWS) * BATCH_ROWS;
      expect(heldMax).toBeLessThanOrEqual(batchBytes);
      expect(memoryGrowth).toBeLessThan(100 * 1_048_576);
    },
    120_000,
  );
});
