/** Number of timers into which a wait is divided. */
const parts = 6;

/**
 * Calls `onSilence` after `ms` during which this process could have received data. A single timer would mistake a pause
 * of this process for silence of the other side: data that arrived during the pause is read only after due timers.
 * @returns a function that ends the wait
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
