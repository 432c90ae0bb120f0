// Loaded into a process before anything else (`node --import`): writes down every socket that leads out of it.
import { appendFileSync } from 'node:fs';
import { watchFileVariable } from './outbound-sockets.js';
import { watchSockets } from './watch-sockets.js';

const file = process.env[watchFileVariable];
if (file !== undefined) {
  watchSockets((socket) => appendFileSync(file, `${JSON.stringify(socket)}\n`, { mode: 0o600 }));
}
