import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

// Files that are there whole or not at all: written under another name, flushed, and only then given their own.

export function flush(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Gives a flushed file its name, which nothing may have.
 * @throws Error with the code EEXIST
 */
export function placeNew(unfinished: string, file: string): void {
  try {
    linkSync(unfinished, file);
    rmSync(unfinished);
  } catch (error) {
    // File systems without links have no way to refuse a name that is taken in the same moment.
    const isWithoutLinks = ['EPERM', 'ENOTSUP', 'ENOSYS'].includes(
      String((error as { code?: unknown }).code),
    );
    if (!isWithoutLinks || existsSync(file)) throw error;
    renameSync(unfinished, file);
  }
  flush(path.dirname(path.resolve(file)));
}

/** Gives a flushed file its name, in the place of what had it. */
export function replace(unfinished: string, file: string): void {
  renameSync(unfinished, file);
  flush(path.dirname(path.resolve(file)));
}
