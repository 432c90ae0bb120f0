import { readFileSync } from 'node:fs';

// Each use holds open files: the caller's connection, and those to the source. A process that runs out of them can
// neither answer nor reach its store, so uses are refused before that, and so are connections.

/** Open files of a process that does nothing, with room for calls that are no uses. */
const filesKept = 64;
const filesOfUse = 4;
/** Its caller has a connection already. */
const filesOfUseBesideCaller = 3;
const usesMax = 1_024;
const usesMin = 4;

/** What the operating system lets this process open; undefined where it does not say. */
function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    // Only Linux has this file.
    return undefined;
  }
}

/** Uses at the same time for which this process has open files, 1,024 at the most. */
export function usesAtOnce(): number {
  const files = openFilesMax();
  if (files === undefined) return usesMax;
  return Math.max(usesMin, Math.min(usesMax, Math.floor((files - filesKept) / filesOfUse)));
}

/**
 * Uses that may wait for a budget: who waits holds a connection and nothing else, and half of the line, which is what one
 * user may have of it, is for a crowd of a user's programs.
 */
export function waitingAtOnce(): number {
  return Math.min(2 * usesAtOnce(), connectionsAtOnce() ?? 2 * usesMax);
}

/**
 * Connections of callers for which this process has open files, beside those of its uses; undefined where that is not
 * known. One more is closed as it comes, so that whoever has one can go on.
 */
export function connectionsAtOnce(): number | undefined {
  const files = openFilesMax();
  if (files === undefined) return undefined;
  const uses = usesAtOnce();
  return Math.max(uses, files - filesKept - uses * filesOfUseBesideCaller);
}
