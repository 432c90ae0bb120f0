import { after } from '@mooring/connectors/kit/deadline';
import type { RunnerProcess } from './runner-process.js';

const tryMs = 8_000;

/** Starts a runner and ends it. @returns milliseconds until it was ready @throws Error when it is not */
export async function tryRunner(start: () => RunnerProcess): Promise<number> {
  const since = performance.now();
  const runner = start();
  try {
    const failed = async (ending: Promise<string>) => {
      throw new Error(await ending);
    };
    const late = new Promise<string>((resolve) => after(tryMs, () => resolve('late')).unref());
    await Promise.race([runner.ready, failed(runner.ended), failed(late)]);
    return performance.now() - since;
  } finally {
    runner.close();
  }
}
