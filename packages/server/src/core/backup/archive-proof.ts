import { appendFileSync, closeSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { equalDigests } from '../crypto/digest.js';
import { StoreError } from '../store/store-error.js';
import { macOfFile } from '../vault/file-mac.js';
import type { KeyEncryptionKey } from '../vault/keyring.js';

// The last line of an archive proves that `mooring backup` wrote it so: a MAC over all before it, under the store's own
// key, which is in the keyring and not in the archive. SQLite does not look behind its last page.

const linePattern = /\nmooring archive 1 ([0-9a-f]{16}) ([\w-]{43})\n$/;
const lineMax = 128;

export function appendProof(file: string, own: KeyEncryptionKey): void {
  appendFileSync(file, `\nmooring archive 1 ${own.id} ${macOfFile(own, file)}\n`);
}

export interface ArchiveProof {
  /** Id of the key it was made under. */
  keyId: string;
  mac: string;
}

/** Takes the proof off a copy of an archive; undefined when it has none. */
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
  'Whoever can write where it lay may have changed what it says: who people are, what they may do, where credentials may be sent. If you know better, say --unverified.';

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
