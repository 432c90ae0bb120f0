import { appendFileSync, closeSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { equalDigests } from '../crypto/digest.js';
import { StoreError } from '../store/store-error.js';
import { macOfFile } from '../vault/file-mac.js';
import type { KeyEncryptionKey } from '../vault/keyring.js';

// The last line of an archive proves that `mooring backup` wrote it: a MAC over everything before it, under the
// store's own key, which is in the keyring and not in the archive. SQLite ignores what follows its last page.

const linePattern = /\nmooring archive 1 ([0-9a-f]{16}) ([\w-]{43})\n$/;
const lineMax = 128;

export function appendProof(file: string, own: KeyEncryptionKey): void {
  appendFileSync(file, `\nmooring archive 1 ${own.id} ${macOfFile(own, file)}\n`);
}

export interface ArchiveProof {
  /** Id of the key of the MAC. */
  keyId: string;
  mac: string;
}

/** Removes the proof from a copy of an archive. @returns undefined when there is none */
export function takeProof(file: string): ArchiveProof | undefined {
  const { size } = statSync(file);
  const end = Buffer.alloc(Math.min(lineMax, size));
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, end, 0, end.length, size - end.length);
  } finally {
    closeSync(descriptor);
  }
  const found = linePattern.exec(end.toString('latin1'));
  if (!found) return undefined;
  truncateSync(file, size - found[0].length);
  return { keyId: found[1] ?? '', mac: found[2] ?? '' };
}

const howToGoOn =
  'Anyone with write access to it may have changed its content: users, their roles, where credentials may be sent. If you trust it anyway, use --unverified.';

/**
 * @param file the copy, without its proof
 * @throws StoreError
 */
export function assertProven(
  file: string,
  proof: ArchiveProof | undefined,
  own: KeyEncryptionKey | undefined,
): void {
  if (!proof) {
    throw new StoreError(
      `The archive has no proof of who wrote it: it was cut, or a version before 0.2.0 wrote it. ${howToGoOn}`,
    );
  }
  if (own?.id !== proof.keyId) {
    throw new StoreError(
      `The archive cannot be checked: the keyring has not the key that proves it, so it is of another store or older than version 0.2.0. ${howToGoOn}`,
    );
  }
  if (!equalDigests(proof.mac, macOfFile(own, file))) {
    throw new StoreError(`The archive is not as mooring backup wrote it. ${howToGoOn}`);
  }
}
