import * as zlib from 'node:zlib';
import {
  codecs,
  element,
  encodings,
  forge,
  page,
  repetitions,
} from '@mooring/connectors/families/files/parquet-forge';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { healthDuring } from '../health-poll.js';
import { type MooringProcess, startMooring } from '../mooring-process.js';

// What no cap on a file bounds, because a decoder that is not ours takes the time.

/** A zstd block of 98,047 matches of 65,539 bytes, none of which fits: the decoder in JavaScript walks them all. */
const slowZstd = Buffer.from('28b52ffda0400000005500000878ffffff5400003401', 'hex');
const slowFile = forge({
  elements: [element('n', 1, repetitions.required)],
  rows: 1,
  columns: [
    { pages: page({ values: 1, encoding: encodings.plain, bytes: 64 }, slowZstd), codec: codecs.zstd },
  ],
});
/** Node decompresses by itself from 22.15 on, and refuses the page at once. */
const isNative = 'zstdDecompress' in zlib;

let s3: LabS3;
let mooring: MooringProcess;
let api: ApiClient;

beforeAll(async () => {
  s3 = await startS3({ forged: { 'slow.parquet': slowFile } });
  mooring = await startMooring();
  api = apiClient(mooring.url, mooring.adminKey);
});
afterAll(async () => {
  await mooring?.stop();
  await s3?.close();
});

describe('A Parquet file with a page of 22 bytes that takes minutes to decompress', () => {
  it('TR17: costs its own use, and neither the service nor the next use', async () => {
    const made = await api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'File_AmazonS3Connector', qName: 'files' },
      connectionProperties: { endpoint: s3.url, ...s3.accounts.analyst, bucketName: 'mooring-lab' },
    });
    expect(made.status, made.text).toBe(201);
    const use = (action: string, ...path: string[]) =>
      api.post(`/api/v1/data-connections/${made.body.qID}/actions/${action}`, { path });
    const good = () => use('preview', 'public', 'orders.parquet');
    expect((await good()).status).toBe(200);
    const times = await healthDuring(mooring.url, async () => {
      for (const action of ['preview', 'read']) {
        const { status, body, text } = await use(action, 'hostile', 'slow.parquet');
        const code = isNative ? 'SOURCE-PROTOCOL-ERROR' : 'SOURCE-CRASHED';
        expect([status, body.errors[0].code], text).toEqual([424, code]);
        if (!isNative) expect(text).toContain('kept the runner busy without end');
      }
    });
    expect(Math.max(...times)).toBeLessThan(1_000);
    expect((await good()).status).toBe(200);
  });
});
