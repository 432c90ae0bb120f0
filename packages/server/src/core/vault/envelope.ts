import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { revealedJson, Secret } from '@mooring/connectors/interface/secret';
import type { KeyEncryptionKey, Keyring } from './keyring.js';

// Envelope encryption: AES-256-GCM, a fresh data key for every secret version, wrapped by the key-encryption
// key. NIST SP 800-38D: 96-bit random IVs, each data key used once.

/** What a sealed value is bound to. A value moved to another place does not open. */
export interface SealContext {
  tenantId: string;
  /** Kind and id of the record, for instance `credential` and its UUID. */
  recordKind: string;
  recordId: string;
  /** User the secret belongs to. */
  ownerId: string;
  version: number;
  field: string;
}

/** The context of a secret of the server itself, which belongs to no tenant and no user. */
export const serverContext = (recordKind: string, recordId: string, field: string): SealContext => ({
  ...{ tenantId: '', recordKind, recordId, ownerId: '', version: 1, field },
});

/** A sealed value as it is stored. */
export interface Sealed {
  keyId: string;
  /** IV, ciphertext and tag of the data key under the key-encryption key, base64. */
  wrappedKey: string;
  /** IV, ciphertext and tag of the value under the data key, base64. */
  ciphertext: string;
}

/** The sealed value was modified or moved, or its key is missing. */
export class UnreadableError extends Error {
  override name = 'UnreadableError';
}

const ivLength = 12;
const tagLength = 16;

function additionalData(purpose: string, context: SealContext): Buffer {
  const parts = [
    purpose,
    context.tenantId,
    context.recordKind,
    context.recordId,
    context.ownerId,
    String(context.version),
    context.field,
  ];
  // Length prefixes, so that no two contexts encode to the same bytes.
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

function encrypt(key: Buffer, plaintext: Buffer, aad: Buffer): string {
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagLength }).setAAD(aad);
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString(
    'base64',
  );
}

function decrypt(key: Buffer, sealed: string, aad: Buffer): Buffer {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < ivLength + tagLength) throw new UnreadableError('sealed value is too short');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivLength), {
      authTagLength: tagLength,
    });
    decipher.setAAD(aad).setAuthTag(bytes.subarray(bytes.length - tagLength));
    return Buffer.concat([
      decipher.update(bytes.subarray(ivLength, bytes.length - tagLength)),
      decipher.final(),
    ]);
  } catch (cause) {
    throw new UnreadableError('sealed value does not open', { cause });
  }
}

export interface Vault {
  /** `Secret` members are sealed with the value they wrap. */
  seal(value: unknown, context: SealContext): Sealed;
  /**
   * Opens a value that was sealed in exactly this context.
   * @throws UnreadableError
   */
  open(sealed: Sealed, context: SealContext): Secret<unknown>;
  /**
   * Rewraps the data key under the active key. The value itself is not opened.
   * @throws UnreadableError
   */
  rewrap(sealed: Sealed, context: SealContext): Sealed;
}

const keyringOf = (key: KeyEncryptionKey): Keyring => ({
  active: () => key,
  find: (id) => (id === key.id ? key : undefined),
});

/** The vault over a keyring, or over one key. Values travel as JSON. */
export function createVault(keys: KeyEncryptionKey | Keyring): Vault {
  const keyring = 'bytes' in keys ? keyringOf(keys) : keys;

  const wrap = (dataKey: Buffer, context: SealContext) => {
    const key = keyring.active();
    return { keyId: key.id, wrappedKey: encrypt(key.bytes, dataKey, additionalData('data key', context)) };
  };

  const unwrap = (sealed: Sealed, context: SealContext): Buffer => {
    const key = keyring.find(sealed.keyId);
    if (!key) throw new UnreadableError('sealed under a missing key');
    const dataKey = decrypt(key.bytes, sealed.wrappedKey, additionalData('data key', context));
    if (dataKey.length !== 32) throw new UnreadableError('data key has the wrong length');
    return dataKey;
  };

  return {
    seal(value, context) {
      const dataKey = randomBytes(32);
      const plaintext = Buffer.from(revealedJson(value), 'utf8');
      const sealed = {
        ...wrap(dataKey, context),
        ciphertext: encrypt(dataKey, plaintext, additionalData('value', context)),
      };
      dataKey.fill(0);
      return sealed;
    },
    open(sealed, context) {
      const dataKey = unwrap(sealed, context);
      try {
        const plaintext = decrypt(dataKey, sealed.ciphertext, additionalData('value', context));
        const value: unknown = JSON.parse(plaintext.toString('utf8'));
        plaintext.fill(0);
        return new Secret(value);
      } finally {
        dataKey.fill(0);
      }
    },
    rewrap(sealed, context) {
      const dataKey = unwrap(sealed, context);
      const rewrapped = { ...wrap(dataKey, context), ciphertext: sealed.ciphertext };
      dataKey.fill(0);
      return rewrapped;
    },
  };
}
