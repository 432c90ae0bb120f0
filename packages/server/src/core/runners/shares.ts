import { totalmem } from 'node:os';

const megabyte = 1024 * 1024;

/** Memory of the container, or of the machine, in megabytes. */
export function machineMb(): number {
  const limit = process.constrainedMemory() ?? 0;
  const total = totalmem();
  return (limit > 0 && limit < total ? limit : total) / megabyte;
}

export interface Held {
  /** Undefined while no user owns it. */
  owner: string | undefined;
  process: { memoryBytes(): number };
}

/**
 * The largest runner of the owner who uses most memory in total, so that many small runners of one user do not cost
 * another user a larger one.
 */
export function largestOfHeaviest<Runner extends Held>(runners: readonly Runner[]): Runner | undefined {
  const taken = new Map<string | undefined, number>();
  for (const { owner, process } of runners) taken.set(owner, (taken.get(owner) ?? 0) + process.memoryBytes());
  const bytesOf = ({ owner }: Runner) => taken.get(owner) ?? 0;
  return runners.toSorted(
    (one, other) => bytesOf(other) - bytesOf(one) || other.process.memoryBytes() - one.process.memoryBytes(),
  )[0];
}
