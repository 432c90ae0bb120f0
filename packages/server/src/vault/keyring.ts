import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import type { LocalKeySource } from '../config.js';

/** A key-encryption key. The bytes are reachable only inside the vault. */
export interface KeyEncryptionKey {
  /** First 16 hexadecimal digits of a domain-separated SHA-256 of the key. */
  id: string;
  bytes: Buffer;
}

/** The master key is missing or not fit; the message says what to do. */
export class KeyError extends Error {
  override name = 'KeyError';
}

const howToMake = 'Make one with: openssl rand -base64 32';

// Keys that documentation and examples print; nobody's data may rest on one.
const published = new Set([
  Buffer.from('0123456789abcdef0123456789abcdef').toString('base64'),
  Buffer.from('abcdefghijklmnopqrstuvwxyz012345').toString('base64'),
  Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64'),
]);

/**
 * The master key that a text is.
 * @param where the place it came from, for the message
 * @throws KeyError
 */
export function keyFrom(text: string, where: string): KeyEncryptionKey {
  const trimmed = text.trim();
  const bytes = /^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : Buffer.alloc(0);
  if (bytes.length !== 32)
    throw new KeyError(`The master key in ${where} is not 32 bytes as base64. ${howToMake}`);
  if (new Set(bytes).size < 8 || published.has(bytes.toString('base64'))) {
    throw new KeyError(
      `The master key in ${where} is a default or example key, which protects nothing. ${howToMake}`,
    );
  }
  return keyOfBytes(bytes);
}

/** The key that these 32 bytes are. */
export function keyOfBytes(bytes: Buffer): KeyEncryptionKey {
  return {
    id: createHash('sha256').update('mooring key id').update(bytes).digest('hex').slice(0, 16),
    bytes,
  };
}

export const newKey = (): KeyEncryptionKey => keyOfBytes(randomBytes(32));

/** The keys that data keys are wrapped under. */
export interface Keyring {
  /**
   * The key for what is sealed now.
   * @throws StoreUnavailableError while it is not known for sure which key that is
   */
  active(): KeyEncryptionKey;
  /** Undefined for a key that is not here, or no longer. */
  find(id: string): KeyEncryptionKey | undefined;
}

function createKeyFile(path: string): KeyEncryptionKey {
  const text = randomBytes(32).toString('base64');
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, `${text}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(path, 0o600);
  return keyFrom(text, path);
}

export interface LoadedKey {
  key: KeyEncryptionKey;
  /** Path of a key file that this start made. */
  createdFile?: string;
}

/**
 * The master key from the environment or its file. A new file is made only when the store is new too: a store
 * whose key is gone must never be given another one.
 * @throws KeyError
 */
export function loadMasterKey(settings: LocalKeySource, storeExists: boolean): LoadedKey {
  if (settings.source === 'environment') return { key: keyFrom(settings.value, 'MOORING_MASTER_KEY') };
  let text: string;
  try {
    if ((statSync(settings.path).mode & 0o077) !== 0) {
      throw new KeyError(
        `The key file ${settings.path} can be read by others. Run: chmod 600 ${settings.path}`,
      );
    }
    text = readFileSync(settings.path, 'utf8');
  } catch (error) {
    if (error instanceof KeyError) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new KeyError(`The key file ${settings.path} cannot be read.`);
    }
    if (storeExists || !settings.mayCreate) {
      throw new KeyError(
        `The master key is missing: there is no ${settings.path}. Put the key file back, or set MOORING_MASTER_KEY or MOORING_MASTER_KEY_FILE to the key this data was written with.`,
      );
    }
    return { key: createKeyFile(settings.path), createdFile: settings.path };
  }
  return { key: keyFrom(text, settings.path) };
}
