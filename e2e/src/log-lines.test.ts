import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { apiClient } from '@mooring/server/testing/api-client';
import { describe, expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';
import { logWriter } from './product.js';

const objectsIn = (log: string): Record<string, unknown>[] =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function logOf(lines: number, ending: string): Promise<Record<string, unknown>[]> {
  const child = spawn(process.execPath, [logWriter, String(lines), ending], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [log] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return objectsIn(log);
}

describe('log lines, written in batches', () => {
  it.each(['exit', 'empty loop', 'exception', 'rejection'])(
    'none is lost at the end of a process: %s',
    async (ending) => {
      const written = await logOf(1000, ending);
      // Only their order may differ, when a write is in progress at that moment.
      const numbers = written.map(({ line }) => Number(line)).toSorted((a, b) => a - b);
      expect(numbers).toEqual(Array.from({ length: 1000 }, (_, line) => line));
    },
  );

  it('a few lines do not wait for more', async () => {
    expect((await logOf(3, 'killed a moment later')).map(({ line }) => line)).toEqual([0, 1, 2]);
  });

  it('a stop by SIGTERM writes the line of every request that was answered', async () => {
    const mooring = await startMooring();
    const api = apiClient(mooring.url, mooring.adminKey);
    const answers = await Promise.all(Array.from({ length: 50 }, () => api.get('/api/v1/users/me')));
    process.kill(mooring.pid, 'SIGTERM');
    await expect.poll(() => mooring.logText()).toContain('"stopped"');
    const written = objectsIn(mooring.logText());
    const traces = new Set(written.map(({ traceId }) => traceId));
    expect(answers.filter(({ headers }) => !traces.has(headers.get('x-request-id')))).toEqual([]);
    await mooring.stop();
  });
});
