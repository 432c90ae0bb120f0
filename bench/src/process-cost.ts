import { readFileSync } from 'node:fs';

const MEBIBYTE = 1_048_576;
const PAGE_BYTES = 4096;
/** Clock ticks per second in /proc, fixed by the kernel's interface (proc(5), `sysconf(_SC_CLK_TCK)`). */
const TICKS_PER_SECOND = 100;

/** Resident memory of a process in MiB, as the kernel counts it now. Linux only. */
export function residentMebibytes(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * PAGE_BYTES) / MEBIBYTE;
}

/** CPU time of a process so far, in seconds, to a hundredth. Linux only. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field may contain spaces and parentheses; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export interface Cost {
  seconds: number;
  /** CPU seconds of the process in that time. */
  processorSeconds: number;
}

/** Cost of `work` in the process `pid`. */
export async function costOf<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<Cost & { result: Result }> {
  const processorBefore = processorSeconds(pid);
  const before = performance.now();
  const result = await work();
  return {
    result,
    seconds: (performance.now() - before) / 1000,
    processorSeconds: processorSeconds(pid) - processorBefore,
  };
}
