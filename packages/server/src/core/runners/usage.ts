import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Resource usage of another process, as Linux reports it. */
export interface Usage {
  /** Processor time of its main thread, in seconds. */
  processorSeconds: number;
  /** Private memory, resident or swapped: without what it shares with every process of the same program. */
  memoryBytes: number;
}

/** Linux's unit of process times, the same on every machine that Node runs on. */
const ticksPerSecond = 100;
const ownMemory = /^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm;

/** The only file that a process reads to get its own usage. */
export const ownStatusFile = '/proc/self/status';

function memoryIn(statusFile: string): number {
  const status = readFileSync(statusFile, 'latin1');
  const kibibytes = [...status.matchAll(ownMemory)].reduce((sum, [, found]) => sum + Number(found), 0);
  return kibibytes * 1024;
}

/** Memory of this process, in bytes. @returns undefined where the system does not report it */
export function ownMemoryBytes(): number | undefined {
  try {
    return memoryIn(ownStatusFile);
  } catch {
    return undefined;
  }
}

/** @returns undefined where the process is gone, or the system does not report it */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1');
    // The program name may contain anything, so count fields after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { processorSeconds: ticks / ticksPerSecond, memoryBytes: memoryIn(`/proc/${pid}/status`) };
  } catch {
    return undefined;
  }
}

/** Memory of the container, or of the machine, in megabytes. */
export function machineMb(): number {
  const limit = process.constrainedMemory() ?? 0;
  const total = totalmem();
  return (limit > 0 && limit < total ? limit : total) / (1024 * 1024);
}
