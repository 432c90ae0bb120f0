import type { KeyObject } from 'node:crypto';
import { costlyKey, isSealedKey, openPrivateKey, weakRsa } from '../private-key.js';

// Private keys that sign in to SSH servers, examined when they are entered, and again when they are used. What a user
// gives must not occupy the process, so keys that cost much work to open are refused.

/** About a second of work in a runner, which must not be busy for longer. `ssh-keygen` takes 16 or 24. */
const kdfRoundsMax = 32;
const kinds = 'an RSA (2,048 bits or more), ECDSA or Ed25519 key';

const formats = ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-ed25519'];
const ciphers = /^aes(?:128|192|256)-(?:ctr|cbc|gcm@openssh\.com)$/;

type Examined = { isEncrypted: boolean } | { problem: string };

const invalid = { problem: `is not a complete private key: provide the whole file of ${kinds}` };
const otherKind = { problem: `has a type that is not supported: use ${kinds}` };
const costly = {
  problem:
    'takes too much work to open: set its passphrase again with the usual number of rounds (ssh-keygen -p)',
};

/** Strings and numbers of SSH (RFC 4251 section 5). @throws RangeError beyond the end */
function readerOf(bytes: Buffer) {
  let at = 0;
  const number = () => {
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const string = () => {
    const length = number();
    if (at + length > bytes.length) throw new RangeError('A string ends beyond the end.');
    at += length;
    return bytes.subarray(at - length, at);
  };
  return { number, string, text: () => string().toString('latin1') };
}

const bitsOf = (integer: Buffer): number => {
  const first = integer.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (integer.length - first) * 8 - Math.clz32(integer[first] ?? 0) + 24;
};

/** OpenSSH's format. Source: PROTOCOL.key of OpenSSH. Of an encrypted key, the public part is examined. */
function examineOpenSsh(text: string): Examined {
  const magic = 'openssh-key-v1\0';
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/.exec(
    text,
  );
  const bytes = Buffer.from(body?.[1] ?? '', 'base64');
  if (bytes.toString('latin1', 0, magic.length) !== magic) return invalid;
  try {
    const outer = readerOf(bytes.subarray(magic.length));
    const cipher = outer.text();
    const kdf = outer.text();
    const kdfOptions = outer.string();
    if (outer.number() !== 1) return { problem: 'has several keys: provide one' };
    const shown = readerOf(outer.string());
    const sealed = outer.string();
    const format = shown.text();
    if (format === 'ssh-rsa') {
      shown.string();
      const problem = weakRsa(bitsOf(shown.string()));
      if (problem !== undefined) return { problem };
    } else if (!formats.includes(format)) return otherKind;
    if (cipher === 'none') {
      const inner = readerOf(sealed);
      const check = inner.number();
      return inner.number() === check && inner.text() === format ? { isEncrypted: false } : invalid;
    }
    if (kdf !== 'bcrypt' || !ciphers.test(cipher))
      return {
        problem: 'is encrypted in a way that is not supported: set its passphrase again (ssh-keygen -p)',
      };
    const options = readerOf(kdfOptions);
    options.string();
    return options.number() <= kdfRoundsMax ? { isEncrypted: true } : costly;
  } catch {
    return invalid;
  }
}

const isOpenSsh = (text: string) => text.includes('-----BEGIN OPENSSH PRIVATE KEY-----');

/** What can be said of a key without its passphrase. */
export function examineKey(text: string): Examined {
  if (isOpenSsh(text)) return examineOpenSsh(text);
  if (text.startsWith('PuTTY-User-Key-File'))
    return {
      problem: 'has the format of PuTTY: export it in the format of OpenSSH (puttygen -O private-openssh)',
    };
  if (isSealedKey(text)) return costlyKey(text) === undefined ? { isEncrypted: true } : costly;
  const opened = openPrivateKey(text, undefined);
  return 'problem' in opened ? { problem: opened.problem } : { isEncrypted: false };
}

/** A key that is opened, in a form that the driver reads. */
export type OpenedKey = { text: string; passphrase?: string } | { problem: string };

/** `openssh-key-v1` of an Ed25519 key without encryption: the driver reads no other form of it. */
function openSshForm(key: KeyObject): string {
  const { x = '', d = '' } = key.export({ format: 'jwk' });
  const [open, secret] = [Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url')];
  const number = (value: number) => Buffer.of(0, 0, 0, value);
  const string = (part: Buffer | string) => {
    const bytes = Buffer.from(part as string);
    return Buffer.concat([Buffer.of(0, 0, bytes.length >> 8, bytes.length & 0xff), bytes]);
  };
  const format = string('ssh-ed25519');
  const inner = [
    number(7),
    number(7),
    format,
    string(open),
    string(Buffer.concat([secret, open])),
    string(''),
  ];
  const length = inner.reduce((sum, part) => sum + part.length, 0);
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, index) => index + 1));
  const none = [string('none'), string('none'), string(''), number(1)];
  const whole = [
    Buffer.from('openssh-key-v1\0'),
    ...none,
    string(Buffer.concat([format, string(open)])),
    string(Buffer.concat([...inner, padding])),
  ];
  const body = Buffer.concat(whole).toString('base64').replaceAll(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/**
 * Opens a key that was examined. OpenSSH's format is opened by the driver, whose work would occupy the server.
 * @returns the problem with key or passphrase, without any of their content
 */
export function openKey(text: string, passphrase: string | undefined): OpenedKey {
  const examined = examineKey(text);
  if ('problem' in examined) return examined;
  if (examined.isEncrypted && passphrase === undefined)
    return { problem: 'is encrypted: provide its passphrase' };
  if (isOpenSsh(text)) return { text, ...(examined.isEncrypted && passphrase ? { passphrase } : {}) };
  const opened = openPrivateKey(text, passphrase);
  if ('problem' in opened) return opened;
  const { key } = opened;
  if (key.asymmetricKeyType === 'ed25519') return { text: openSshForm(key) };
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
  return { text: key.export({ type, format: 'pem' }).toString() };
}
