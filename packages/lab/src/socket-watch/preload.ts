// Preloaded (`node --import`): logs every outgoing socket of the process.
import { appendFileSync } from 'node:fs';
import { watchSockets } from './watch-sockets.js';

// In the URL, so that it also reaches processes without an environment.
const file = new URL(import.meta.url).searchParams.get('file');
if (file !== null) {
  watchSockets((socket) => appendFileSync(file, `${JSON.stringify(socket)}\n`, { mode: 0o600 }));
}
