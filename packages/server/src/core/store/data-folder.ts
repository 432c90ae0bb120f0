import { mkdirSync } from 'node:fs';
import { StoreError } from './store-error.js';

/**
 * Makes the folder, for its owner only, unless it is there.
 * @throws StoreError
 */
export function makeDataFolder(dataFolder: string): void {
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    throw new StoreError(
      `The data folder ${dataFolder} (--data or MOORING_DATA) cannot be made${isFile ? ': a file is in its place' : ''} (${code}).`,
      { cause },
    );
  }
}
