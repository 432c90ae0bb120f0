import { setImmediate } from 'node:timers/promises';

/** Maximum time without a turn of the event loop, in milliseconds. */
const workMsMax = 10;

/** Yields to the event loop when the work since its last turn has taken long: promises alone never do. */
export type Turns = () => Promise<void>;

/** One per loop whose amount of work is decided externally. */
export function createTurns(): Turns {
  let turned = performance.now();
  return async () => {
    if (performance.now() - turned < workMsMax) return;
    await setImmediate();
    turned = performance.now();
  };
}
