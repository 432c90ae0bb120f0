import { existsSync, lstatSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/config.js';
import { loadMaster } from '../opening/open-store.js';
import {
  assertNotLeft,
  assertSchema,
  copyStore,
  type KeyringCopy,
  takeKeyring,
} from '../store/archive-file.js';
import { storeExists } from '../store/store.js';
import { StoreError } from '../store/store-error.js';
import { flush, placeNew, replace } from '../store/whole-file.js';
import { KeyError } from '../vault/keyring.js';
import { ownKeyOf } from '../vault/keyring-rows.js';
import { appendProof } from './archive-proof.js';
import { keyringBefore, writeKeyring } from './keyring-file.js';

// A backup of the embedded store has two parts: an archive of everything but the vault keys, and the keyring.

export interface BackupRequest {
  config: Config;
  /** File to create; must not exist. */
  archive: string;
  /** File for the keys; replaces only the keyring of an earlier backup. */
  keyring: string;
}

interface Places {
  archive: string;
  keyring: string;
  unfinished: { archive: string; keyring: string };
}

/** Real path of a file that does not exist yet. */
function placeOf(file: string): string {
  const { dir, base } = path.parse(path.resolve(file));
  if (!existsSync(dir)) throw new StoreError(`The folder ${dir} does not exist.`);
  return path.join(realpathSync(dir), base);
}

function placesOf(request: BackupRequest): Places {
  const [archive, keyring] = [placeOf(request.archive), placeOf(request.keyring)];
  const unfinished = { archive: `${archive}.unfinished`, keyring: `${keyring}.unfinished` };
  if (new Set([archive, keyring, unfinished.archive, unfinished.keyring]).size < 4) {
    throw new StoreError('The archive and its keyring are two files. Name another one for the keyring.');
  }
  if (lstatSync(archive, { throwIfNoEntry: false })) {
    throw new StoreError(`${request.archive} already exists. Name a new file.`);
  }
  return { archive, keyring, unfinished };
}

/** The keyring first: a new keyring without a new archive is a documented state, the reverse is not. */
function placeBoth({ archive, keyring, unfinished }: Places, before: Buffer | undefined): void {
  replace(unfinished.keyring, keyring);
  try {
    placeNew(unfinished.archive, archive);
  } catch (error) {
    rmSync(keyring);
    if (before) {
      writeKeyring(unfinished.keyring, before);
      replace(unfinished.keyring, keyring);
    }
    throw error;
  }
}

function removeUnfinished({ unfinished }: Places): void {
  for (const file of Object.values(unfinished)) rmSync(file, { force: true });
}

/**
 * Writes everything acknowledged so far to a new file (0600), also while a server uses the store, and the vault keys
 * to another. Either both files are complete afterwards, or both are unchanged.
 * @returns `isProven`: false for a store that this version has not opened yet
 * @throws StoreError, KeyError, KeyServiceError
 */
export async function backUp(request: BackupRequest): Promise<{ isProven: boolean }> {
  const { config } = request;
  if (config.databaseUrl !== undefined || !storeExists(config.dataFolder)) {
    throw new StoreError(
      `There is no embedded store in ${config.dataFolder}. A PostgreSQL database is backed up with its own tools, for instance pg_dump.`,
    );
  }
  const places = placesOf(request);
  const { master } = await loadMaster(config, true);
  removeUnfinished(places);
  const { unfinished } = places;
  try {
    copyStore(config.dataFolder, unfinished.archive);
    assertNotLeft(unfinished.archive);
    const keyring: KeyringCopy = takeKeyring(unfinished.archive);
    const before = keyringBefore(places.keyring, keyring);
    await assertSchema(unfinished.archive);
    const own = ownKeyOf(keyring.keys, master);
    if (own) appendProof(unfinished.archive, own);
    flush(unfinished.archive);
    writeKeyring(unfinished.keyring, keyring);
    placeBoth(places, before);
    return { isProven: own !== undefined };
  } catch (cause) {
    removeUnfinished(places);
    if (cause instanceof StoreError || cause instanceof KeyError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new StoreError(
      `The store in ${config.dataFolder} could not be copied to ${request.archive} and ${request.keyring}${code === undefined ? '' : ` (${code})`}.`,
      { cause },
    );
  }
}
