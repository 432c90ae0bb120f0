/** Into how many parts a wait is cut. */
const parts = 6;

/**
 * Calls `onSilence` when `ms` have gone by in which this process could have heard something. A timer alone would take a
 * pause of the process itself, in which nobody could be heard, for the silence of the other side: whatever has arrived
 * meanwhile is read only after the timers that are due.
 * @returns what ends the wait
 */
export function afterSilence(ms: number, onSilence: () => void): () => void {
  let left = parts;
  let timer: NodeJS.Timeout;
  const next = () => {
    timer = setTimeout(() => {
      left -= 1;
      if (left > 0) next();
      else onSilence();
    }, ms / parts);
  };
  next();
  return () => clearTimeout(timer);
}
