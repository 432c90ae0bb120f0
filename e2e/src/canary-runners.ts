import { apiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import type { SourceUse } from './canary-sources.js';
import type { CanaryStand } from './canary-stand.js';
import { inParallel } from './in-parallel.js';
import { startMooring } from './mooring-process.js';
import { isConfined, runnersOf } from './runner-memory.js';

/** Reads every working source and each file format completely, in runners of a separate service. */
export async function readAllInRunners(stand: CanaryStand): Promise<void> {
  // Without the watch of these tests: where Node loads a file first, the permission model is off.
  const bare = await startMooring({
    configuration: { sources: stand.lab.sources.settings },
    environment: { NODE_OPTIONS: '' },
  });
  try {
    const api = apiClient(bare.url, bare.adminKey);
    const store = stand.working.find(({ datasourceID }) => datasourceID === 'File_AmazonS3Connector');
    const files = ['csv', 'tsv', 'json', 'ndjson', 'csv.gz', 'ndjson.gz', 'parquet'].map((format) => ({
      ...(store as SourceUse),
      ...{ name: format, target: { path: ['public', `orders.${format}`] } },
    }));
    const forms = ['application/x-ndjson', 'text/csv', 'application/vnd.apache.arrow.stream'];
    const reads = [...stand.working, ...files].map(({ name, ...one }, index) => async () => {
      const { datasourceID, properties: connectionProperties, target } = one;
      const body = { datasourceID, qName: `${name} ${index}`, connectionProperties };
      const made = await api.post('/api/v1/data-connections', body);
      expect(made.status, `${name}: ${made.text}`).toBe(201);
      const accept = forms[index % forms.length] ?? '';
      // Rejects when the stream breaks off.
      const read = await api.post(`/api/v1/data-connections/${made.body.qID}/actions/read`, target, {
        accept,
      });
      expect(read.status, `${name}: ${read.text}`).toBe(200);
      expect(read.text.length, name).toBeGreaterThan(20);
      expect(read.text, name).not.toContain('$mooring');
    });
    await inParallel(4, reads);
    expect(new Set(runnersOf(bare.pid).map(isConfined))).toEqual(new Set([true]));
  } finally {
    await bare.stop();
  }
}
