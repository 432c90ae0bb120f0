import { sleep } from '@mooring/connectors/kit/deadline';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { createGate } from '../egress/gate.js';
import { createPolicy } from '../egress/policy.js';
import { makeDataFolder } from '../store/data-folder.js';
import { assertNotMoved, forgetMarks } from '../store/move-marks.js';
import { migrate, openStore, type Store, storeExists } from '../store/store.js';
import { StoreError, StoreUnavailableError } from '../store/store-error.js';
import { createVault, type Vault } from '../vault/envelope.js';
import { checkMaster, hasKeyCheck } from '../vault/key-check.js';
import { decryptMasterKey } from '../vault/key-service.js';
import { type LoadedKey, loadMasterKey } from '../vault/keyring.js';
import type { Master } from '../vault/keyring-rows.js';
import { openKeyring } from '../vault/open-keyring.js';
import type { StoredKeyring } from '../vault/stored-keyring.js';

export interface Opened {
  store: Store;
  vault: Vault;
  keyring: StoredKeyring;
  createdKeyFile: string | undefined;
}

/** A migration may take longer than a request may wait. */
export const migrationMs = 600_000;
/** How long a start waits for a database that is starting too, before it waits as a sealed server. */
const databaseMs = 5_000;

/** The database does not answer yet; waiting may help. */
export class DatabaseAwayError extends StoreError {}

/** Nothing is written before the master key is verified. */
async function prepare(store: Store, master: Master): Promise<void> {
  if (await hasKeyCheck(store.db)) await checkMaster(store, master);
  await migrate(store);
}

/**
 * A gate for the key service only. The service often has a private address, and naming it in `egress.allow` would
 * open it to every connection. So this gate allows all but link-local and metadata addresses, for this one request.
 */
const networkOfKeyService = () =>
  createGate({
    policy: createPolicy({ allow: ['0.0.0.0/0', '[::]/0'], loopback: 'allow', isOfThisMachine: true }),
  });

async function loadKey({ masterKey }: Config, storeExists: boolean): Promise<LoadedKey> {
  return masterKey.source === 'environment' || masterKey.source === 'file'
    ? loadMasterKey(masterKey, storeExists)
    : { key: await decryptMasterKey(masterKey, networkOfKeyService()) };
}

/**
 * The master key of these settings, decrypted by the key service where one is configured.
 * @throws KeyError, KeyServiceError
 */
export async function loadMaster(
  config: Config,
  storeExists: boolean,
): Promise<{ master: Master; createdFile?: string }> {
  const { key, ...made } = await loadKey(config, storeExists);
  const { previousMasterKey } = config;
  if (!previousMasterKey) return { master: { key }, ...made };
  return { master: { key, previous: loadMasterKey(previousMasterKey, true).key }, ...made };
}

async function openEmbedded(config: Config): Promise<Opened> {
  const existed = storeExists(config.dataFolder);
  if (!existed) makeDataFolder(config.dataFolder);
  const { master, createdFile } = await loadMaster(config, existed);
  const opened = await openFolder(config.dataFolder, master, config.limits.wrapsPerKey);
  return { ...opened, createdKeyFile: createdFile };
}

/**
 * Opens the embedded store of a folder under a master key, and migrates it to this version.
 * @throws KeyError, StoreError
 */
export async function openFolder(
  dataFolder: string,
  master: Master,
  wrapsMax: number,
): Promise<Omit<Opened, 'createdKeyFile'>> {
  const store = openStore({ dataFolder });
  try {
    await assertNotMoved(store);
    await prepare(store, master);
    // A move that was started but not finished is void: its copy is outdated from now on.
    await forgetMarks(store.db);
    const keyring = await openKeyring(store, master, { wrapsMax });
    return { store, vault: createVault(keyring), keyring };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Unknown login or database, or a missing password: waiting does not help. */
function isRefusedLogin(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return /^(28...|3D000)$/.test(String(code)) || /^SASL/.test(String(message));
}

/** The message of the database, or of a pooler in front of it; it contains no password. */
function wordsOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const isFromServer = /^[0-9A-Z]{5}$/.test(String(code)) && typeof message === 'string';
  return isFromServer ? ` It says: ${message.slice(0, 300)}` : '';
}

/** @throws StoreError, DatabaseAwayError */
export async function waitForDatabase(store: Store): Promise<void> {
  const until = performance.now() + databaseMs;
  for (;;) {
    try {
      await store.durability();
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const { cause } = error;
      if (isRefusedLogin(cause)) {
        const refused = 'The database refuses the login, or does not exist. Check its URL.';
        throw new StoreError(refused + wordsOf(cause), { cause });
      }
      if (performance.now() > until) {
        const away = 'The database does not answer.';
        throw new DatabaseAwayError(away + wordsOf(cause), { cause });
      }
      await sleep(500);
    }
  }
}

async function warnOfLostWrites(store: Store, log: Logger): Promise<void> {
  const { synchronous, fsync } = await store.durability();
  if (synchronous === 'off' || fsync === 'off') {
    log.warn(
      { synchronousCommit: synchronous, fsync },
      'the database acknowledges writes that it can lose in a crash; set synchronous_commit and fsync to on',
    );
  }
}

/** All nodes need the same key, so a new one is created only for a database without one. */
async function openShared(config: Config, url: string, log: Logger): Promise<Opened> {
  // The driver is loaded only for this kind of store.
  const { openPostgresStore } = await import('../store/postgres-store.js');
  const store = openPostgresStore({ url });
  const patient = openPostgresStore({ url, patienceMs: migrationMs, connectionsMax: 1 });
  try {
    await waitForDatabase(store);
    await assertNotMoved(store);
    const existed = await hasKeyCheck(store.db);
    makeDataFolder(config.dataFolder);
    const { master, createdFile } = await loadMaster(config, existed);
    await prepare(patient, master);
    await store.clock.align();
    const keyring = await openKeyring(store, master, { wrapsMax: config.limits.wrapsPerKey });
    await warnOfLostWrites(store, log);
    return { store, vault: createVault(keyring), keyring, createdKeyFile: createdFile };
  } catch (error) {
    await store.close();
    throw error;
  } finally {
    await patient.close();
  }
}

/**
 * Opens the store under its key, and migrates it to this version.
 * @throws KeyError, StoreError, DatabaseAwayError
 */
export function openUnderKey(config: Config, log: Logger): Promise<Opened> {
  return config.databaseUrl === undefined
    ? openEmbedded(config)
    : openShared(config, config.databaseUrl, log);
}
