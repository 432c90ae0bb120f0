import { createHmac } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { KeyEncryptionKey } from './keyring.js';

const chunkBytes = 1_048_576;

/** HMAC-SHA-256 of a file under a key derived for this purpose; base64url, 43 characters. */
export function macOfFile(own: KeyEncryptionKey, file: string): string {
  const key = createHmac('sha256', own.bytes).update('mooring archive').digest();
  const mac = createHmac('sha256', key);
  const chunk = Buffer.alloc(chunkBytes);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      mac.update(chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
  return mac.digest('base64url');
}
