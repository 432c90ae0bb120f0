import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

// Atomic files: written under another name, flushed, and then renamed.

export function flush(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Gives a flushed file its name, which must be free.
 * @throws Error with the code EEXIST
 */
export function placeNew(unfinished: string, file: string): void {
  try {
    linkSync(unfinished, file);
    rmSync(unfinished);
  } catch (error) {
    // File systems without hard links cannot refuse a name that is taken at the same moment.
    const isWithoutLinks = ['EPERM', 'ENOTSUP', 'ENOSYS'].includes(
      String((error as { code?: unknown }).code),
    );
    if (!isWithoutLinks || existsSync(file)) throw error;
    renameSync(unfinished, file);
  }
  flush(path.dirname(path.resolve(file)));
}

/** Gives a flushed file its name, replacing an existing file. */
export function replace(unfinished: string, file: string): void {
  renameSync(unfinished, file);
  flush(path.dirname(path.resolve(file)));
}
