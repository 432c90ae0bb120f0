const shareMs = 5;

/**
 * The embedded store works within the event loop, and whoever waits for it goes on by microtasks: a queue of statements
 * would be worked off without a turn of the loop. Ask before each use of the connection; after 5 ms of one turn it is the
 * others' turn (https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop).
 * @returns undefined: go on at once
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
