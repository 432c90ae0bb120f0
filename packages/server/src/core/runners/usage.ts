import { readFileSync } from 'node:fs';

/** What another process of this machine takes, as Linux tells it. */
export interface Usage {
  /** Of its main thread, in seconds. */
  processorSeconds: number;
  /** Its own, swapped out or not: without what it shares with every process of the same program. */
  memoryBytes: number;
}

/** The unit of Linux for times of a process, the same on every machine that Node runs on. */
const ticksPerSecond = 100;
const ownMemory = /^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm;

/** The one file that a process reads to know its own. */
export const ownStatusFile = '/proc/self/status';

function memoryIn(statusFile: string): number {
  const status = readFileSync(statusFile, 'latin1');
  const kibibytes = [...status.matchAll(ownMemory)].reduce((sum, [, found]) => sum + Number(found), 0);
  return kibibytes * 1024;
}

/** Of this process, in bytes. @returns undefined where the system does not tell */
export function ownMemoryBytes(): number | undefined {
  try {
    return memoryIn(ownStatusFile);
  } catch {
    return undefined;
  }
}

/** @returns undefined where the process is gone, or the system does not tell */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1');
    // The name of the program may hold anything, so what is counted begins behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { processorSeconds: ticks / ticksPerSecond, memoryBytes: memoryIn(`/proc/${pid}/status`) };
  } catch {
    return undefined;
  }
}
