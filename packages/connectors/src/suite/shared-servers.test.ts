import { expect, it } from 'vitest';
import { serverOf, shareServers } from './shared-servers.js';

/** @returns a function that starts servers, and how many of them run */
function counted() {
  const running = new Set<object>();
  const start = async () => {
    const server = { close: async () => void running.delete(server) };
    running.add(server);
    return server;
  };
  return { start, running };
}

it('harnesses that start a server with the same function share it until their surroundings end', async () => {
  const servers = shareServers();
  const [one, other] = [counted(), counted()];
  const [first, second] = [await serverOf(one.start, servers), await serverOf(one.start, servers)];
  await serverOf(other.start, servers);
  expect([first.server === second.server, one.running.size, other.running.size]).toEqual([true, 1, 1]);
  await first.release();
  expect(one.running.size).toBe(1);
  await servers.close();
  expect([one.running.size, other.running.size]).toEqual([0, 0]);
  const own = await serverOf(one.start, undefined);
  expect(one.running.size).toBe(1);
  await own.release();
  expect(one.running.size).toBe(0);
});
