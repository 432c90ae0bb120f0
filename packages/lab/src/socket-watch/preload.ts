// Preloaded into a process (`node --import`): records every outbound socket.
import { appendFileSync } from 'node:fs';
import { watchSockets } from './watch-sockets.js';

// Part of the URL, so that it reaches processes without environment variables.
const file = new URL(import.meta.url).searchParams.get('file');
if (file !== null) {
  watchSockets((socket) => appendFileSync(file, `${JSON.stringify(socket)}\n`, { mode: 0o600 }));
}
