import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { type KeyringCopy, keyringSchema } from '../store/archive-file.js';
import { StoreError } from '../store/store-error.js';
import { flush } from '../store/whole-file.js';

// The vault keys that belong to an archive, each sealed under the master key. Each backup replaces the file, so that
// a destroyed key is gone from the backups too and what was sealed under it no longer opens.

/** @throws StoreError */
export function readKeyring(file: string): KeyringCopy {
  try {
    return keyringSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new StoreError(`${file} does not exist, or is not a keyring that mooring backup wrote.`, { cause });
  }
}

/**
 * A vault key survives rotations but not a shred; the store's own key survives both; the key-check survives all keys.
 */
const isSameStore = (one: KeyringCopy, other: KeyringCopy): boolean =>
  one.keyCheck === other.keyCheck || one.keys.some(({ id }) => other.keys.some((key) => key.id === id));

/**
 * The bytes of the keyring that a backup replaces; undefined when the file does not exist.
 * @throws StoreError when the file is something else
 */
export function keyringBefore(file: string, keyring: KeyringCopy): Buffer | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (!found.isFile()) {
    throw new StoreError(
      `${file} is not a regular file. Name the keyring itself, so that no older one stays behind a link.`,
    );
  }
  if (!isSameStore(readKeyring(file), keyring)) {
    throw new StoreError(`${file} is the keyring of another store. Name another file.`);
  }
  return readFileSync(file);
}

/** Writes and flushes a new file (0600). */
export function writeKeyring(file: string, keyring: KeyringCopy | Buffer): void {
  const bytes = Buffer.isBuffer(keyring) ? keyring : `${JSON.stringify(keyring, null, 2)}\n`;
  writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' });
  flush(file);
}
