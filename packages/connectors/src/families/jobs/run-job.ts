import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from '../../interface/call.js';
import { abortError, settledWithin, throwIfAborted } from '../../kit/deadline.js';
import type { Job, PagedRows } from './service.js';

/** Least time from one poll to the next: of the first, and after doubling. */
const pollMs = { first: 100, most: 5_000 };
/** How long the end of a job waits for the answer to its submission, which is half of the grace of its session. */
const submissionMs = 500;

export interface RunningJob {
  /** Once this has failed, the job is to be stopped. */
  result: Promise<PagedRows>;
  /** Stops what has no result yet. Never rejects. */
  stop(): Promise<void>;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  await delay(ms, undefined, { signal }).catch(() => {
    throw abortError(signal);
  });
}

/** Polls until there is a result. A source that holds its answers is polled again at once. */
async function resultOf(job: Job, submitted: Promise<PagedRows | undefined>, call: Call): Promise<PagedRows> {
  let found = await submitted;
  for (let pauseMs = pollMs.first; !found; pauseMs = Math.min(2 * pauseMs, pollMs.most)) {
    throwIfAborted(call.signal);
    const begun = performance.now();
    found = await job.poll(call);
    if (!found) await pause(begun + pauseMs - performance.now(), call.signal);
  }
  return found;
}

/** Submits a job and waits for its result. */
export function runJob(job: Job, call: Call): RunningJob {
  let isDone = false;
  let stopping: Promise<void> | undefined;
  const submitted = job.submit();
  const cancel = async () => {
    await settledWithin(submitted, submissionMs);
    await job.cancel().catch(() => {});
  };
  const stop = async () => {
    if (isDone) return;
    stopping ??= cancel();
    await stopping;
  };
  const result = resultOf(job, submitted, call).then((found) => {
    isDone = true;
    return found;
  });
  return { result, stop };
}
