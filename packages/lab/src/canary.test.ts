import { createConnection } from 'node:net';
import { expect, it } from 'vitest';
import { startCanary } from './canary.js';

it('counts every connection, also one that says nothing, and leaves the port', async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const canary = await startCanary({ host });
    expect(canary.connections()).toBe(0);
    const socket = createConnection({ host, port: canary.port }).resume();
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(canary.connections()).toBe(1);
    await expect(fetch(canary.url)).rejects.toThrow();
    expect(canary.connections()).toBe(2);
    await Promise.all([canary.close(), canary.close()]);
    await expect(fetch(canary.url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    expect(canary.connections()).toBe(2);
  }
});
