import { totalmem } from 'node:os';

const megabyte = 1024 * 1024;

/** Of the container, or of the machine. */
export function machineMb(): number {
  const limit = process.constrainedMemory() ?? 0;
  const total = totalmem();
  return (limit > 0 && limit < total ? limit : total) / megabyte;
}

export interface Held {
  /** Undefined for one that is nobody's yet. */
  owner: string | undefined;
  process: { memoryBytes(): number };
}

/** Of the owner who takes most altogether, so that many small ones of one user cost nobody else a larger one. */
export function largestOfHeaviest<Runner extends Held>(runners: readonly Runner[]): Runner | undefined {
  const taken = new Map<string | undefined, number>();
  for (const { owner, process } of runners) taken.set(owner, (taken.get(owner) ?? 0) + process.memoryBytes());
  const bytesOf = ({ owner }: Runner) => taken.get(owner) ?? 0;
  return runners.toSorted(
    (one, other) => bytesOf(other) - bytesOf(one) || other.process.memoryBytes() - one.process.memoryBytes(),
  )[0];
}
