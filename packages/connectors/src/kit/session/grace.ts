import { after } from '../deadline.js';

/** Grace to stop, to free what a read holds, or to say goodbye. A source that needs longer is cut off. */
export const graceMs = 1_000;

/** Ending never fails: what is then still open is destroyed. */
export const quiet = async (work: () => unknown): Promise<void> => {
  try {
    await work();
  } catch {}
};

/** Whether all of it settles within the grace. */
export const inTime = (work: Promise<unknown>): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = after(graceMs, () => resolve(false));
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settle, settle);
  });
