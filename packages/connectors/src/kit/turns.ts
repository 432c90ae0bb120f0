import { setImmediate } from 'node:timers/promises';

/** Longest time without a turn of the event loop, in milliseconds. */
const workMsMax = 10;

/** Lets the event loop turn when the work since its last turn has taken long: promises alone never do. */
export type Turns = () => Promise<void>;

/** One for each loop whose work somebody else decides the length of. */
export function createTurns(): Turns {
  let turned = performance.now();
  return async () => {
    if (performance.now() - turned < workMsMax) return;
    await setImmediate();
    turned = performance.now();
  };
}
