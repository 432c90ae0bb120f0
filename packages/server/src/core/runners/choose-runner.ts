import type { Fleet } from './fleet.js';
import type { Quarantine } from './quarantine.js';
import { ownerOf, type Runner, type RunnerFor } from './runner.js';

export interface ChoiceDependencies {
  fleet: Fleet;
  quarantine: Quarantine;
  /** Most runners of one user. */
  ofOneUser: number;
}

/**
 * Prefers an idle runner of the user, then a further one that can be had at once, then their least busy one.
 * @returns undefined: the use has to wait
 */
export function chooseRunner(
  { fleet, quarantine, ofOneUser }: ChoiceDependencies,
  use: RunnerFor,
): Runner | undefined {
  const owner = ownerOf(use);
  const all = fleet.all().filter((runner) => runner.owner === owner);
  if (quarantine.has(use)) {
    // Otherwise a user who crashes runners would hold most of them.
    if (all.filter(({ uses }) => uses.size > 0).length >= ofOneUser) return undefined;
    const runner = fleet.unused();
    if (runner) runner.isAlone = true;
    return runner;
  }
  const theirs = all.filter(({ isAlone }) => !isAlone).sort((one, other) => one.uses.size - other.uses.size);
  const [least] = theirs;
  if (least?.uses.size === 0) return least;
  if (least && all.length < ofOneUser)
    return fleet.fresh() ?? (use.isLong && fleet.hasRoom() ? fleet.add() : least);
  return least ?? fleet.unused();
}
