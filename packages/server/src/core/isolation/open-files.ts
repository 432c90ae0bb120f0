import { readFileSync } from 'node:fs';

// Each use holds open files: the caller's connection, and those to the source. A process that runs out of them can
// neither answer nor reach its store, so uses are refused before that, and so are connections.

/** Open files of an idle process, with room for requests that are not uses. */
const filesKept = 64;
const filesOfUse = 4;
/** Its caller has a connection already. */
const filesOfUseBesideCaller = 3;
const usesMax = 1_024;
const usesMin = 4;

/** The limit of open files of this process; undefined where it is not known. */
function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    // Only Linux has this file.
    return undefined;
  }
}

/** Concurrent uses for which this process has open files, at most 1,024. */
export function usesAtOnce(): number {
  const files = openFilesMax();
  if (files === undefined) return usesMax;
  return Math.max(usesMin, Math.min(usesMax, Math.floor((files - filesKept) / filesOfUse)));
}

/**
 * Uses that may wait for a concurrency limit. A waiting use holds only its caller's connection. One user gets half of
 * the queue, so it is long enough for many programs of one user.
 */
export function waitingAtOnce(): number {
  return Math.min(2 * usesAtOnce(), connectionsAtOnce() ?? 2 * usesMax);
}

/**
 * Connections of callers for which this process has open files, beside those of its uses; undefined where that is not
 * known. Any further connection is closed at once, so that the existing ones keep working.
 */
export function connectionsAtOnce(): number | undefined {
  const files = openFilesMax();
  if (files === undefined) return undefined;
  const uses = usesAtOnce();
  return Math.max(uses, files - filesKept - uses * filesOfUseBesideCaller);
}
