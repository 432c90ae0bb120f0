import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { expect, it } from 'vitest';
import { apiClient } from '../../../testing/api-client.js';
import { startServer } from '../../../testing/start-server.js';

it('LI14: limits beyond the range of a timer (24.8 days) hold, and do not expire at once', async () => {
  const source = await listenOnLoopback(0, () => (_request, response) => {
    // Slower than a timer of one millisecond.
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('[{"id":1}]');
    }, 50);
  });
  const days = 40 * 86_400;
  const limits = {
    ...{ idleSeconds: days, readSeconds: days, testSeconds: days, waitSeconds: days, requestSeconds: days },
    ...{ usesPerSource: 1, pauseSeconds: days, signInMinutes: days },
  };
  const server = await startServer({ configuration: { limits } });
  try {
    const admin = apiClient(server.url, server.adminKey);
    const made = await admin.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: 'slow' },
      connectionProperties: { url: `${source.url}/items`, authSchema: 'anonymous' },
    });
    expect(made.status, made.text).toBe(201);
    const path = `/api/v1/data-connections/${made.body.qID}/actions`;
    // Together, so that some wait for their turn.
    const answers = await Promise.all([
      admin.post(`${path}/test`),
      admin.post(`${path}/browse`, { path: [] }),
      admin.post(`${path}/preview`, { path: ['items'] }),
      admin.post(`${path}/read`, { path: ['items'] }),
    ]);
    expect(answers.map(({ status, text }) => [status, status === 200 ? '' : text])).toEqual(
      answers.map(() => [200, '']),
    );
    expect(answers[0]?.body.ok).toBe(true);
    expect(answers[3]?.text).toContain('"id"');
  } finally {
    await server.close();
    await source.close();
  }
});
