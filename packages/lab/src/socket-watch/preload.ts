// Loaded into a process before anything else (`node --import`): writes down every socket that leads out of it.
import { appendFileSync } from 'node:fs';
import { watchSockets } from './watch-sockets.js';

// Part of the address, so that it gets to processes that are given no variables.
const file = new URL(import.meta.url).searchParams.get('file');
if (file !== null) {
  watchSockets((socket) => appendFileSync(file, `${JSON.stringify(socket)}\n`, { mode: 0o600 }));
}
