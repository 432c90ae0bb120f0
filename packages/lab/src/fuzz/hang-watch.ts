import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What the watching thread and the watched one share, as 64-bit integers. */
const cell = { run: 0, begun: 1, peak: 2, count: 3 };

// A separate thread: an input that hangs its parser blocks all timers of that thread. Ending the process is
// all that helps then; the test runner reports that, and the line on stderr says which input it was.
const watching = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const cells = new BigInt64Array(workerData.shared);
setInterval(() => {
  const rss = BigInt(process.memoryUsage.rss());
  if (rss > Atomics.load(cells, ${cell.peak})) Atomics.store(cells, ${cell.peak}, rss);
  const begun = Atomics.load(cells, ${cell.begun});
  if (begun === 0n || Date.now() - Number(begun) < workerData.hangMs) return;
  const run = Atomics.load(cells, ${cell.run});
  writeSync(2, '\\nfuzz ' + workerData.name + ': run ' + run + ' does not end. ' + workerData.again + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 20);
`;

export interface HangWatch {
  begin(run: number): void;
  /** @returns peak growth of the process since `begin`, in bytes */
  end(): number;
  close(): Promise<unknown>;
}

/** Ends the process when one input takes longer than `hangMs`, and measures how much memory each one takes. */
export async function watchForHangs(options: {
  name: string;
  again: string;
  hangMs: number;
}): Promise<HangWatch> {
  const shared = new SharedArrayBuffer(cell.count * 8);
  const cells = new BigInt64Array(shared);
  const worker = new Worker(watching, { eval: true, execArgv: [], workerData: { ...options, shared } });
  // Its start needs this thread, so it must be over before this one may hang.
  await once(worker, 'online');
  worker.unref();
  let before = 0;
  return {
    begin(run) {
      before = process.memoryUsage.rss();
      Atomics.store(cells, cell.peak, BigInt(before));
      Atomics.store(cells, cell.run, BigInt(run));
      Atomics.store(cells, cell.begun, BigInt(Date.now()));
    },
    end() {
      Atomics.store(cells, cell.begun, 0n);
      const peak = Math.max(Number(Atomics.load(cells, cell.peak)), process.memoryUsage.rss());
      return peak - before;
    },
    close: () => worker.terminate(),
  };
}
