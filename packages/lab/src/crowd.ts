import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface CrowdOptions {
  url: string;
  key: string;
  /** Of the POST that each of them sends. */
  body: string;
  count: number;
}

/** Clients that honour Retry-After, or retry at once without one, until they are stopped. */
export interface Crowd {
  /** Resolves with the first answer. */
  answered: Promise<unknown>;
  /** Stops all clients, also while they read. @returns count per error code, or per status without a code */
  leave(): Promise<Map<string, number>>;
}

/** Runs in a worker thread, so that the load does not slow down the measurement. Plain JavaScript. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const http = require('node:http');
const { url, key, body, count } = workerData;
const agent = new http.Agent({ keepAlive: true, maxSockets: count });
const headers = { authorization: 'Bearer ' + key, 'content-type': 'application/json' };
const codes = new Map();
let isOver = false;
const note = (code) => {
  codes.set(code, (codes.get(code) || 0) + 1);
  parentPort.postMessage('answered');
};
const ask = () => new Promise((resolve, reject) => {
  const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
    const isRefused = response.statusCode >= 400;
    let text = '';
    response.setEncoding('utf8').on('data', (part) => { if (isRefused) text += part; });
    if (!isRefused) note(String(response.statusCode));
    response.on('end', () => {
      const code = isRefused ? JSON.parse(text).errors[0].code : undefined;
      if (isRefused) note(code);
      const after = response.headers['retry-after'];
      if (response.statusCode === 503 && !(Number(after) > 0)) reject(new Error('503 without Retry-After'));
      resolve(Number(after || 0));
    });
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end(body);
});
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const caller = async () => {
  while (!isOver) {
    const seconds = await ask();
    if (seconds > 0 && !isOver) await pause(seconds);
  }
};
parentPort.once('message', () => {
  isOver = true;
  parentPort.postMessage(codes);
});
Promise.all(Array.from({ length: count }, caller));
`;

export function startCrowd(options: CrowdOptions): Crowd {
  const worker = new Worker(program, { eval: true, workerData: options });
  const failed = once(worker, 'error').then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  const counted = new Promise<Map<string, number>>((resolve) => {
    worker.on('message', (message: 'answered' | Map<string, number>) => {
      if (message !== 'answered') resolve(message);
    });
  });
  return {
    answered: Promise.race([once(worker, 'message'), failed]),
    async leave() {
      worker.postMessage('leave');
      const codes = await Promise.race([counted, failed]);
      await worker.terminate();
      return codes;
    },
  };
}
