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
import { ownKeyOf } from '../vault/stored-keyring.js';
import { appendProof } from './archive-proof.js';
import { keyringBefore, writeKeyring } from './keyring-file.js';

// Copies of the embedded store in two parts: an archive of everything but the keys of the vault, and the keyring.

export interface BackupRequest {
  config: Config;
  /** File to write; nothing may have its name. */
  archive: string;
  /** File for the keys; replaces that of the backup before, and nothing else. */
  keyring: string;
}

interface Places {
  archive: string;
  keyring: string;
  unfinished: { archive: string; keyring: string };
}

/** Where a file will be, whatever links lead to its folder. */
function placeOf(file: string): string {
  const { dir, base } = path.parse(path.resolve(file));
  if (!existsSync(dir)) throw new StoreError(`There is no folder ${dir}.`);
  return path.join(realpathSync(dir), base);
}

function placesOf(request: BackupRequest): Places {
  const [archive, keyring] = [placeOf(request.archive), placeOf(request.keyring)];
  const unfinished = { archive: `${archive}.unfinished`, keyring: `${keyring}.unfinished` };
  if (new Set([archive, keyring, unfinished.archive, unfinished.keyring]).size < 4) {
    throw new StoreError('The archive and its keyring are two files. Name another one for the keyring.');
  }
  if (lstatSync(archive, { throwIfNoEntry: false })) {
    throw new StoreError(`${request.archive} is there already. Name a new file.`);
  }
  return { archive, keyring, unfinished };
}

/** The keyring first: with it and no new archive everything is as documented, the other way round it is not. */
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
 * Writes all that was acknowledged before to one new file (0600), also while a server is at work on the store, and the
 * keys of the vault to another. Both files are whole afterwards, or both are as they were.
 * @returns `isProven`: false for a store that this version has not been started on yet
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
