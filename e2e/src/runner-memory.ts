import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

// Linux' view of the service's child processes, and of their memory.

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

/** Runners of this service. */
export const runnersOf = (pid: number): number[] =>
  childrenOf(pid).filter((child) => {
    try {
      return readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('runner-main');
    } catch {
      return false;
    }
  });

/** Whether Node's permission model is enabled in a process. */
export const isConfined = (pid: number): boolean =>
  /--(experimental-)?permission\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));

export const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
};

/** CPU seconds of a process. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const pieceBytes = 4 * 1024 * 1024;

/** Texts found in writable memory of the process (heap, stacks, buffers), as Latin-1 or UTF-16. */
export function textsInMemory(pid: number, texts: readonly string[]): string[] {
  const forms = texts.flatMap((text) => [
    { text, bytes: Buffer.from(text, 'latin1') },
    { text, bytes: Buffer.from(text, 'utf16le') },
  ]);
  const longest = Math.max(...forms.map(({ bytes }) => bytes.length));
  const found = new Set<string>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const piece = Buffer.alloc(pieceBytes + longest);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from, to] = /^([\da-f]+)-([\da-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      for (let at = Number.parseInt(from, 16); at < Number.parseInt(to, 16); at += pieceBytes) {
        const length = Math.min(piece.length, Number.parseInt(to, 16) - at);
        try {
          readSync(memory, piece, 0, length, at);
        } catch {
          // An unreadable or removed mapping.
          continue;
        }
        const seen = piece.subarray(0, length);
        for (const { text, bytes } of forms) if (seen.includes(bytes)) found.add(text);
      }
    }
  } finally {
    closeSync(memory);
  }
  return [...found];
}
