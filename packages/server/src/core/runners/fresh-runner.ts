import type { Fleet } from './fleet.js';

const delayMs = 250;

/** Keeps one fresh runner ready while there is room, so that the next user need not wait for a start. */
export interface FreshRunner {
  keep(): void;
  close(): void;
}

export function createFreshRunner(fleet: Fleet): FreshRunner {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const isNeeded = () => !isClosed && !fleet.fresh() && fleet.hasRoom();
  const keep = () => {
    if (timer || !isNeeded()) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (!isNeeded()) return;
      try {
        if (!fleet.add()) keep();
      } catch {
        // Already logged; a use that needs a runner gets the error.
      }
    }, delayMs).unref();
  };
  return {
    keep,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
