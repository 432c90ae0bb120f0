import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Runs in a worker thread, so that the load of the test does not distort it. Plain JavaScript. */
const program = `
const { parentPort, workerData: { url, everyMs } } = require('node:worker_threads');
const times = [];
let isOver = false;
parentPort.once('message', () => { isOver = true; });
(async () => {
  while (!isOver) {
    const since = performance.now();
    const answer = await fetch(url + '/healthz');
    await answer.text();
    if (answer.status !== 200) throw new Error('health was ' + answer.status);
    times.push(performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  parentPort.postMessage(times);
})();
`;

/** Latencies of `/healthz` in milliseconds, ten times a second while `work` runs. */
export async function healthDuring(url: string, work: () => Promise<unknown>): Promise<number[]> {
  const worker = new Worker(program, { eval: true, workerData: { url, everyMs: 100 } });
  const times = once(worker, 'message').then(([message]) => message as number[]);
  times.catch(() => undefined);
  try {
    await work();
    worker.postMessage('over');
    return await times;
  } finally {
    await worker.terminate();
  }
}
