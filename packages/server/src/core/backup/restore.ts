import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { record } from '../audit/record.js';
import type { Config } from '../config/config.js';
import { loadMaster, openFolder } from '../opening/open-store.js';
import { type Loss, settleUnreadable } from '../opening/unreadable-records.js';
import { assertSchema, assertWhole, type KeyringCopy, putKeyring } from '../store/archive-file.js';
import { makeDataFolder } from '../store/data-folder.js';
import { fileName, type Store, storeExists } from '../store/store.js';
import { StoreError } from '../store/store-error.js';
import { flush } from '../store/whole-file.js';
import { type Master, ownKeyOf } from '../vault/keyring-rows.js';
import { assertProven, takeProof } from './archive-proof.js';
import { readKeyring } from './keyring-file.js';

export interface RestoreRequest {
  /** Configuration of the data folder to create; the master key is found as at a start. */
  config: Config;
  archive: string;
  /** Vault keys; absent when they are lost, and with them everything sealed. */
  keyring?: string | undefined;
  /** Accepts an archive whose proof is missing or cannot be checked. */
  isUnverified: boolean;
}

/** Records the restore in every tenant. */
async function recordRestored(store: Store, losses: readonly Loss[], isVerified: boolean): Promise<void> {
  const lost = Object.fromEntries(losses.map(({ kind, count }) => [kind, count]));
  await store.transaction(async (tx) => {
    for (const { id } of await tx.selectFrom('tenant').select('id').execute()) {
      const by = { tenantId: id, userId: 'system' };
      await record(tx, { name: 'store.restored', by, resourceId: id, data: { isVerified, lost } });
    }
  });
}

/** Migrates the copy to this version, under its keys, and ends records that do not open. */
async function settle(folder: string, { config, isUnverified }: RestoreRequest, master: Master) {
  const opened = await openFolder(folder, master, config.limits.wrapsPerKey);
  try {
    const losses = await settleUnreadable(opened);
    await recordRestored(opened.store, losses, !isUnverified);
    await opened.store.checkpoint();
    return losses;
  } finally {
    await opened.store.close();
  }
}

function assertArchive(file: string, request: RestoreRequest, own: ReturnType<typeof ownKeyOf>): void {
  const proof = takeProof(file);
  if (!request.isUnverified) assertProven(file, proof, own);
  assertWhole(file);
}

/**
 * Creates a data folder from an archive and the keyring, under the master key. Never replaces a store.
 * @returns the records that no longer open
 * @throws StoreError, KeyError, KeyServiceError
 */
export async function restore(request: RestoreRequest): Promise<Loss[]> {
  const { archive, config } = request;
  const { dataFolder } = config;
  if (!existsSync(archive)) throw new StoreError(`${archive} does not exist.`);
  if (storeExists(dataFolder)) {
    throw new StoreError(`${dataFolder} already has a store. Name another folder, or move it.`);
  }
  const keyring: KeyringCopy | undefined =
    request.keyring === undefined ? undefined : readKeyring(request.keyring);
  const { master } = await loadMaster(config, true);
  const own = keyring && ownKeyOf(keyring.keys, master);
  makeDataFolder(dataFolder);
  const work = path.join(dataFolder, 'restore.unfinished');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  try {
    const file = path.join(work, fileName);
    copyFileSync(archive, file);
    chmodSync(file, 0o600);
    assertArchive(file, request, own);
    await assertSchema(file);
    if (keyring) putKeyring(file, keyring);
    const losses = await settle(work, request, master);
    flush(file);
    renameSync(file, path.join(dataFolder, fileName));
    flush(dataFolder);
    return losses;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
