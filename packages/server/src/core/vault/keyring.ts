import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { LocalKeySource } from '../config/config.js';
import { createKeyFile, readKeyFile, UnsafeKeyFileError } from './key-file.js';

/** A key-encryption key. The bytes are reachable only inside the vault. */
export interface KeyEncryptionKey {
  /** First 16 hexadecimal digits of a domain-separated SHA-256 of the key. */
  id: string;
  bytes: Buffer;
}

/** The master key is missing or not valid; the message says what to do. */
export class KeyError extends Error {
  override name = 'KeyError';
}

const howToMake = 'Make one with: openssl rand -base64 32';

// Keys from documentation and examples, which must not protect data.
const published = new Set([
  Buffer.from('0123456789abcdef0123456789abcdef').toString('base64'),
  Buffer.from('abcdefghijklmnopqrstuvwxyz012345').toString('base64'),
  Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64'),
]);

/**
 * Parses a master key.
 * @param where its source, for the message
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

/** The key of these 32 bytes. */
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
   * The key under which new values are sealed.
   * @throws StoreUnavailableError while the active key is not known for certain
   */
  active(): KeyEncryptionKey;
  /** Undefined for an unknown or destroyed key. */
  find(id: string): KeyEncryptionKey | undefined;
}

export interface LoadedKey {
  key: KeyEncryptionKey;
  /** Path of the key file that this start created. */
  createdFile?: string;
}

/**
 * The master key from the environment or its file. A new file is created only for a new store: a store whose key is
 * lost must never get another one.
 * @throws KeyError
 */
export function loadMasterKey(settings: LocalKeySource, storeExists: boolean): LoadedKey {
  if (settings.source === 'environment') return { key: keyFrom(settings.value, 'MOORING_MASTER_KEY') };
  const { path, mayCreate } = settings;
  const isNew = !storeExists && mayCreate;
  const text = keyFileText(path);
  // An interrupted first start of version 0.1.0 left an empty file, under which nothing can have been sealed.
  if (text?.trim() === '' && isNew) rmSync(path);
  else if (text !== undefined) return { key: keyFrom(text, path) };
  if (!isNew) {
    throw new KeyError(
      `The master key is missing: ${path} does not exist. Put the key file back, or set MOORING_MASTER_KEY or MOORING_MASTER_KEY_FILE to the key this data was written with.`,
    );
  }
  return newKeyFile(path);
}

/** @throws KeyError */
function keyFileText(path: string): string | undefined {
  try {
    return readKeyFile(path);
  } catch (cause) {
    if (cause instanceof UnsafeKeyFileError) throw new KeyError(cause.message);
    throw new KeyError(`The key file ${path} cannot be read.`, { cause });
  }
}

function newKeyFile(path: string): LoadedKey {
  const text = randomBytes(32).toString('base64');
  try {
    createKeyFile(path, text);
  } catch (cause) {
    if (cause instanceof UnsafeKeyFileError) throw new KeyError(cause.message);
    // Of two concurrent first starts on one folder, both use the file of the first.
    const other = (cause as NodeJS.ErrnoException).code === 'EEXIST' ? keyFileText(path) : undefined;
    if (other !== undefined) return { key: keyFrom(other, path) };
    throw new KeyError(`The key file ${path} cannot be written.`, { cause });
  }
  return { key: keyFrom(text, path), createdFile: path };
}
