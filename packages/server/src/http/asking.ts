import { AsyncLocalStorage } from 'node:async_hooks';
import type { Caller } from './handler.js';

/** The request on whose behalf code runs, for rooms that know nothing of requests, such as the gate. */
export interface Asking {
  caller: Caller;
  /** Operation id of the contract. */
  operation: string;
  /** Present for routes of one connection. */
  connectionId?: string;
  traceId: string;
  /** Something to be finished before the answer goes out. */
  before(work: Promise<void>): void;
}

const storage = new AsyncLocalStorage<Asking>();

/** Runs `work` as this request; whatever was left `before` the answer is settled when it comes back. */
export async function runAsking<Result>(
  asking: Omit<Asking, 'before'>,
  work: () => Promise<Result>,
): Promise<Result> {
  const left: Promise<void>[] = [];
  try {
    return await storage.run({ ...asking, before: (each) => left.push(each) }, work);
  } finally {
    await Promise.all(left);
  }
}

/** Undefined in work that nobody asked for, such as renewing a grant ahead of time. */
export const whoAsks = (): Asking | undefined => storage.getStore();
