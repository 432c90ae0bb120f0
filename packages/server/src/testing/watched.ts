import { AsyncLocalStorage } from 'node:async_hooks';
import type { OutboundSocket } from '@mooring/lab/socket-watch/outbound-sockets';
import { watchSockets } from '@mooring/lab/socket-watch/watch-sockets';

// A server under test shares its process with the test and with the lab. Its own work is recognized by its async
// context: everything that a request, a timer or a job does descends from its start.

const owners = new AsyncLocalStorage<OutboundSocket[]>();
watchSockets((socket) => owners.getStore()?.push(socket));

export interface Watched {
  /** Every socket that this code opened, or tried to open, so far. */
  sockets: readonly OutboundSocket[];
  run<Result>(start: () => Result): Result;
}

export function watched(): Watched {
  const sockets: OutboundSocket[] = [];
  return { sockets, run: (start) => owners.run(sockets, start) };
}
