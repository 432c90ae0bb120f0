import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';
import { afterAll, describe, expect, it } from 'vitest';
import { lackingPassphrase, sshKeySchema, sshLogin, sshLoginNames, wrongPassphrase } from './login.js';
import { examineKey, openKey } from './private-key.js';

const folder = mkdtempSync(join(tmpdir(), 'mooring-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
function keygen(...parameters: string[]): string {
  made += 1;
  const file = join(folder, String(made));
  execFileSync('ssh-keygen', ['-q', '-f', file, ...parameters]);
  return readFileSync(file, 'utf8');
}
const generate = generateKeyPairSync as unknown as (
  type: string,
  options: object,
) => { privateKey: KeyObject };
const pem = (type: 'ec' | 'ed25519' | 'rsa' | 'dsa', options: object, more: object = {}) =>
  generate(type, options)
    .privateKey.export({ type: 'pkcs8', format: 'pem', ...more })
    .toString();
const sealed = { cipher: 'aes-256-cbc', passphrase: 'right' };
const problemOf = (text: string) => {
  const examined = examineKey(text);
  return 'problem' in examined ? examined.problem : undefined;
};
const files = (value: string) => [{ name: 'id', value }];

describe('private keys of SSH', () => {
  it('accepts RSA from 2,048 bits, ECDSA and Ed25519, as OpenSSH and PEM, and opens them for the driver', () => {
    const keys: [string, string, boolean][] = [
      [keygen('-t', 'ed25519', '-N', ''), 'ssh-ed25519', false],
      [keygen('-t', 'ed25519', '-N', 'right'), 'ssh-ed25519', true],
      [keygen('-t', 'ecdsa', '-b', '384', '-N', ''), 'ecdsa-sha2-nistp384', false],
      [keygen('-t', 'rsa', '-b', '2048', '-N', ''), 'ssh-rsa', false],
      [pem('ed25519', {}), 'ssh-ed25519', false],
      [pem('ed25519', {}, sealed), 'ssh-ed25519', true],
      [pem('ec', { namedCurve: 'P-521' }), 'ecdsa-sha2-nistp521', false],
      [pem('rsa', { modulusLength: 2_048 }, { ...sealed, type: 'pkcs1' }), 'ssh-rsa', true],
    ];
    for (const [text, type, isEncrypted] of keys) {
      expect(examineKey(text)).toEqual({ isEncrypted });
      const opened = openKey(text, isEncrypted ? 'right' : undefined);
      if ('problem' in opened) throw new Error(opened.problem);
      const parsed = ssh2.utils.parseKey(opened.text, opened.passphrase);
      const key = (Array.isArray(parsed) ? parsed[0] : parsed) as ParsedKey;
      expect([key.type, key.verify('text', key.sign('text'))]).toEqual([type, true]);
    }
  });

  it('refuses what cannot sign in, or would cost too much to open, and says why', () => {
    expect(problemOf(keygen('-t', 'rsa', '-b', '1024', '-N', ''))).toContain('1024 bits');
    expect(problemOf(pem('rsa', { modulusLength: 1_024 }))).toContain('1024 bits');
    expect(problemOf(pem('dsa', { modulusLength: 1_024, divisorLength: 160 }))).toContain('not supported');
    expect(problemOf(pem('ec', { namedCurve: 'secp256k1' }))).toContain('not supported');
    expect(problemOf(keygen('-t', 'ed25519', '-N', 'right', '-a', '33'))).toContain('ssh-keygen -p');
    expect(problemOf('PuTTY-User-Key-File-3: ssh-ed25519')).toContain('puttygen');
    const whole = keygen('-t', 'ed25519', '-N', '');
    const cut = `${whole.slice(0, 200)}\n-----END OPENSSH PRIVATE KEY-----\n`;
    for (const text of ['', 'ssh-ed25519 AAAA', '/etc/ssh/key', cut])
      expect(problemOf(text)).toContain('not a complete');
    expect(sshKeySchema.safeParse(files(cut)).success).toBe(false);
    expect(sshKeySchema.safeParse(files(whole)).success).toBe(true);
    expect(sshKeySchema.safeParse([]).success).toBe(false);
  });

  it('refuses an encrypted PEM key whose derivation does not end, without trying it', () => {
    const key = pem('ed25519', {}, sealed);
    const der = Buffer.from(key.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    const rounds = der.indexOf(Buffer.from('02020800', 'hex'));
    expect(rounds).toBeGreaterThan(0);
    der.writeUInt16BE(0x7fff, rounds + 2);
    const text = (bytes: Buffer) =>
      `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
    expect(examineKey(text(der))).toEqual({ isEncrypted: true });
    const long = Buffer.concat([
      der.subarray(0, rounds),
      Buffer.from('02047fffffff', 'hex'),
      der.subarray(rounds + 4),
    ]);
    const begun = performance.now();
    expect(problemOf(text(long))).toContain('too much work');
    expect(performance.now() - begun).toBeLessThan(100);
  });

  it('asks for a passphrase that is missing, and names one that does not open the key', () => {
    const privateKey = files(pem('ed25519', {}, sealed));
    const lacking = (login: object) =>
      lackingPassphrase({ ...login }, sshLoginNames).map(({ property }) => property);
    expect(lacking({ privateKey })).toEqual(['privateKeyPassphrase']);
    expect(lacking({ privateKey, privateKeyPassphrase: 'x' })).toEqual([]);
    expect(lacking({ privateKey: files(pem('ed25519', {})) })).toEqual([]);
    const wrong = (privateKeyPassphrase: string) =>
      wrongPassphrase({ privateKey, privateKeyPassphrase }, sshLoginNames).map(({ property }) => property);
    expect([wrong('wrong'), wrong('right')]).toEqual([['privateKey'], []]);
    expect(sshLogin.conflicts({ privateKey, privateKeyPassphrase: 'wrong' })).toHaveLength(1);
  });
});
