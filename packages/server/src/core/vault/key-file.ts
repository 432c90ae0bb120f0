import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { newHex } from '../crypto/random.js';
import { flush, placeNew } from '../store/whole-file.js';

// The master key file: only the user that runs the server, and root, may read, change or replace it. A key that an
// attacker put in place would be noticed late, after values were sealed under it.

/** Other users can read or replace the file; the message says how to correct that. */
export class UnsafeKeyFileError extends Error {
  override name = 'UnsafeKeyFileError';
}

const own = (): number | undefined => process.geteuid?.();

/** Root can do everything in any case. */
const isOurs = ({ uid }: Stats): boolean => own() === undefined || uid === own() || uid === 0;

function assertSafeFolder(file: string): void {
  const folder = path.dirname(file);
  const stats = statSync(folder);
  if (!isOurs(stats)) {
    throw new UnsafeKeyFileError(
      `The folder ${folder} of the key file belongs to another user, who could put another key there. Move the key file.`,
    );
  }
  const isWritable = (stats.mode & 0o022) !== 0;
  // In a sticky folder such as /tmp users cannot rename files of others.
  const isSticky = (stats.mode & 0o1000) !== 0;
  if (isWritable && !isSticky) {
    throw new UnsafeKeyFileError(
      `Others can write in the folder ${folder} of the key file, and put another key there. Run: chmod go-w ${folder}`,
    );
  }
}

function assertSafeFile(file: string, stats: Stats): void {
  if (!stats.isFile()) {
    throw new UnsafeKeyFileError(`The key file ${file} is not a regular file. Name the file itself.`);
  }
  if (!isOurs(stats)) {
    throw new UnsafeKeyFileError(
      `The key file ${file} belongs to another user, who can change it. Make the user that runs the server its owner.`,
    );
  }
  if ((stats.mode & 0o077) !== 0) {
    throw new UnsafeKeyFileError(`The key file ${file} can be read by others. Run: chmod 600 ${file}`);
  }
}

/**
 * The text of a key file; undefined when there is none.
 * @throws UnsafeKeyFileError, or the error of the operating system
 */
export function readKeyFile(file: string): string | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (found.isSymbolicLink()) {
    throw new UnsafeKeyFileError(`The key file ${file} is a link. Name the file itself.`);
  }
  assertSafeFolder(file);
  assertSafeFile(file, found);
  // Checked again on the open descriptor: the name may lead elsewhere already.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    assertSafeFile(file, fstatSync(descriptor));
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes a new key file (0600), atomically.
 * @throws UnsafeKeyFileError, or an Error with the code EEXIST when the file exists already
 */
export function createKeyFile(file: string, text: string): void {
  assertSafeFolder(file);
  const unfinished = `${file}.${newHex(6)}.unfinished`;
  try {
    writeFileSync(unfinished, `${text}\n`, { mode: 0o600, flag: 'wx' });
    flush(unfinished);
    placeNew(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
