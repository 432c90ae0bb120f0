import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assertNoDetour } from '@mooring/lab/socket-watch/outbound-sockets';
import { expect, it } from 'vitest';
import { watched } from './watched.js';

it('S06: sees what a server under test opens, whatever triggers it, and not what its test opens', async () => {
  const target = createServer((_request, response) => void response.end('there'));
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  const watch = watched();
  const past = watch.run(() => {
    const server = createServer((_request, response) => {
      setImmediate(() => void fetch(url).then(async (answer) => response.end(await answer.text())));
    });
    return new Promise<typeof server>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server));
    });
  });
  const server = await past;
  try {
    expect(watch.sockets).toEqual([]);
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await answer.text()).toBe('there');
    const { port } = new URL(url);
    expect(watch.sockets.map((socket) => socket.port)).toEqual([Number(port)]);
    expect(() => assertNoDetour(watch.sockets)).toThrow('Sockets past the gate');
    expect(() => assertNoDetour(watch.sockets, `postgres://127.0.0.1:${port}/store`)).not.toThrow();
  } finally {
    server.close();
    server.closeAllConnections();
    target.close();
    target.closeAllConnections();
  }
});
