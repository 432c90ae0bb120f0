const shareMs = 5;

/**
 * The embedded store works on the event loop, and its callers continue in microtasks: a queue of statements would run
 * without a turn of the loop. Call this before each use of the connection; after 5 ms of one turn it yields
 * (https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop).
 * @returns undefined: continue at once
 */
export function createLoopShare(): () => Promise<void> | undefined {
  let since: number | undefined;
  return () => {
    if (since === undefined) {
      since = performance.now();
      setImmediate(() => {
        since = undefined;
      });
    }
    if (performance.now() - since < shareMs) return undefined;
    return new Promise((resolve) => setImmediate(resolve));
  };
}
