import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { knowSecret } from '../known-secrets.js';

// What `sshd` takes from a system, in a folder of its own: its users are in files that `nss_wrapper` puts in the place of
// the system's, so none is created.

const run = promisify(execFile);

export const serverProgram = '/usr/sbin/sshd';
const wrapper = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/libnss_wrapper.so`)
  .find((file) => existsSync(file));
const packages = ['openssh-server', 'libnss-wrapper'];

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface LabSshKey {
  /** In the format of OpenSSH, as a user has it in a file. */
  privateKey: string;
  /** A line of `authorized_keys`. */
  publicKey: string;
  passphrase?: string;
}

/** @throws Error with the command to run when OpenSSH or `nss_wrapper` is missing, or we are not root. */
export async function assertInstalled(): Promise<void> {
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const isThere = await access(serverProgram).then(
    () => wrapper !== undefined,
    () => false,
  );
  if (!isThere) throw new Error(`OpenSSH's server is not installed. Run as root: ${command}`);
  if (process.getuid?.() !== 0)
    throw new Error('OpenSSH’s server signs in users only when it is run by root.');
  // Where it locks itself in before a sign-in; its service would make it.
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
}

/** A fresh key. `ssh-keygen` is part of every installation of OpenSSH. */
export async function makeKey(
  folder: string,
  type: KeyType,
  { passphrase, bits, pem = false }: { passphrase?: string; bits?: number; pem?: boolean } = {},
): Promise<LabSshKey> {
  const file = join(folder, `key-${randomBytes(6).toString('hex')}`);
  const size = bits === undefined ? [] : ['-b', String(bits)];
  const form = pem ? ['-m', 'PKCS8'] : [];
  await run('ssh-keygen', [
    '-q',
    '-t',
    type,
    ...size,
    ...form,
    '-C',
    'lab',
    '-N',
    passphrase ?? '',
    '-f',
    file,
  ]);
  const [privateKey, publicKey] = await Promise.all([
    readFile(file, 'utf8'),
    readFile(`${file}.pub`, 'utf8'),
  ]);
  knowSecret(`SSH key (${type})`, privateKey);
  return { privateKey, publicKey: publicKey.trim(), ...(passphrase === undefined ? {} : { passphrase }) };
}

export interface LabSshUser {
  user: string;
  password: string;
}

/** Of `nobody`, which every system has: the account needs no name of its own. */
export const userId = 65_534;

/** Not by an argument: a password may begin with a hyphen. */
const cryptOf = (password: string): string =>
  execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password, encoding: 'utf8' }).trim();

/** Home folders, accounts and keys. @returns environment that shows them to the server */
export async function writeAccounts(
  folder: string,
  users: readonly (LabSshUser & { keys: readonly string[] })[],
): Promise<Record<string, string>> {
  const at = (name: string) => join(folder, name);
  await mkdir(at('keys'), { mode: 0o755 });
  await mkdir(at('home'), { mode: 0o755 });
  // Users read their keys and homes in it.
  await chmod(folder, 0o755);
  for (const { user, keys } of users) {
    await mkdir(at(`home/${user}`), { mode: 0o755 });
    await chown(at(`home/${user}`), userId, userId);
    await writeFile(at(`keys/${user}`), `${keys.join('\n')}\n`, { mode: 0o644 });
  }
  const names = users.map(({ user }) => `${user}:x:${userId}:${userId}::${at(`home/${user}`)}:/bin/false`);
  const system = ['root:x:0:0::/root:/bin/false', 'sshd:x:105:65534::/run/sshd:/bin/false'];
  const days = '19000:0:99999:7:::';
  const secrets = users.map(({ user, password }) => `${user}:${cryptOf(password)}:${days}`);
  await writeFile(at('passwd'), `${[...system, ...names].join('\n')}\n`);
  await writeFile(at('group'), `root:x:0:\nnogroup:x:${userId}:\n`);
  await writeFile(
    at('shadow'),
    `${['root', 'sshd'].map((name) => `${name}:*:${days}`).join('\n')}\n${secrets.join('\n')}\n`,
    {
      mode: 0o600,
    },
  );
  return {
    LD_PRELOAD: wrapper ?? '',
    NSS_WRAPPER_PASSWD: at('passwd'),
    NSS_WRAPPER_GROUP: at('group'),
    NSS_WRAPPER_SHADOW: at('shadow'),
  };
}
