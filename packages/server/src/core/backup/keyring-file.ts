import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { type KeyringCopy, keyringSchema } from '../store/archive-file.js';
import { StoreError } from '../store/store-error.js';
import { flush } from '../store/whole-file.js';

// The keys of the vault beside an archive, each sealed under the master key. The file is replaced with each backup, so
// that a key which was destroyed is gone from the backups too, and what was sealed under it opens no more.

/** @throws StoreError */
export function readKeyring(file: string): KeyringCopy {
  try {
    return keyringSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new StoreError(`${file} is not there, or is no keyring that mooring backup wrote.`, { cause });
  }
}

/** A key outlives every rotation but those of a shred; the store's own outlives these; a key-check the keys. */
const isSameStore = (one: KeyringCopy, other: KeyringCopy): boolean =>
  one.keyCheck === other.keyCheck || one.keys.some(({ id }) => other.keys.some((key) => key.id === id));

/**
 * The bytes of the keyring that a backup is to replace; undefined when the name is free.
 * @throws StoreError when something else has the name
 */
export function keyringBefore(file: string, keyring: KeyringCopy): Buffer | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (!found.isFile()) {
    throw new StoreError(
      `${file} is no plain file. Name the keyring itself, so that no older one stays behind a link.`,
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
