import { abortError, after } from '@mooring/connectors/kit/deadline';
import { busy } from './fleet.js';

/** Uses that wait for a runner. */
export function createWaitingUses(waitMs: number) {
  const waiting = new Set<() => void>();
  return {
    /**
     * Waits until `take` succeeds; it is tried whenever `admit` is called.
     * @throws AppError `BUSY` when the wait is over, ConnectorError when the signal aborts, or what `take` throws
     */
    wait: <Taken>(take: () => Taken | undefined, signal: AbortSignal) =>
      new Promise<Taken>((resolve, reject) => {
        const settle = (act: () => void) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', leave);
          waiting.delete(admit);
          act();
        };
        const admit = () => {
          try {
            const taken = take();
            if (taken !== undefined) settle(() => resolve(taken));
          } catch (error) {
            settle(() => reject(error));
          }
        };
        const leave = () => settle(() => reject(abortError(signal)));
        const timer = after(waitMs, () => settle(() => reject(busy())));
        signal.addEventListener('abort', leave, { once: true });
        waiting.add(admit);
      }),
    /** Lets all try, in order of arrival. */
    admit() {
      for (const admit of [...waiting]) admit();
    },
    count: () => waiting.size,
  };
}
