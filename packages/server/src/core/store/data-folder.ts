import { mkdirSync } from 'node:fs';
import { StoreError } from './store-error.js';

/**
 * Creates the folder, readable by its owner only, unless it exists.
 * @throws StoreError
 */
export function makeDataFolder(dataFolder: string): void {
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    throw new StoreError(
      `The data folder ${dataFolder} (--data or MOORING_DATA) cannot be created${isFile ? ': a file is in its place' : ''} (${code}).`,
      { cause },
    );
  }
}
