import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './free-port.js';
import { knowSecret } from './known-secrets.js';
import { guardAgainstOrphan } from './orphan-guard.js';
import { endServer, spawnServer } from './spawned-server.js';
import {
  assertInstalled,
  type KeyType,
  type LabSshKey,
  type LabSshUser,
  makeKey,
  serverProgram,
  userId,
  writeAccounts,
} from './ssh/server-files.js';

export type { KeyType, LabSshKey, LabSshUser };

export interface LabHostKey {
  /** As `ssh-keyscan` prints it, without the host. */
  line: string;
  /** `SHA256:…` */
  sha256: string;
}

/** A running OpenSSH server; passwords and keys are fresh at each start. */
export interface LabSsh {
  host: '127.0.0.1';
  port: number;
  hostKeys: Readonly<Record<KeyType, LabHostKey>>;
  /** Signs in by password or by `key`, gets SFTP, and may forward connections. */
  alice: LabSshUser & { key: LabSshKey };
  /** Its folder, which SFTP shows first. Files in it belong to `uid`. */
  home: string;
  uid: number;
  /** Makes a key that `alice` may sign in with. */
  addKey(type: KeyType, options?: { passphrase?: string; bits?: number; pem?: boolean }): Promise<LabSshKey>;
  /** Processes of sessions that are signed in or signing in. */
  sessions(): Promise<number>;
  /** Whether a session has this file of `home` open. */
  hasOpen(file: string): Promise<boolean>;
  /** Stops the server with its sessions and removes its folder. Idempotent. */
  close(): Promise<void>;
}

const attemptsMax = 5;

const settingsOf = (folder: string, port: number, extra: readonly string[]): string =>
  [
    ...extra,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...(['ed25519', 'ecdsa', 'rsa'] as const).map((type) => `HostKey ${join(folder, `host-${type}`)}`),
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'UseDNS no',
    'MaxStartups 100',
    `AuthorizedKeysFile ${join(folder, 'keys')}/%u`,
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');

async function hostKey(folder: string, type: KeyType): Promise<LabHostKey> {
  const { privateKey, publicKey } = await makeKey(folder, type, type === 'rsa' ? { bits: 2_048 } : {});
  await writeFile(join(folder, `host-${type}`), privateKey, { mode: 0o600 });
  const [format = '', body = ''] = publicKey.split(' ');
  const digest = createHash('sha256').update(Buffer.from(body, 'base64')).digest('base64');
  return { line: `${format} ${body}`, sha256: `SHA256:${digest.replace(/=+$/, '')}` };
}

const startServer = (file: string, env: Record<string, string>): Promise<ChildProcess> =>
  spawnServer({
    name: 'sshd',
    command: [serverProgram, '-D', '-e', '-f', file],
    options: { env: { PATH: '/usr/sbin:/usr/bin', ...env }, detached: true },
    isReady: (log) => log.includes('Server listening on'),
  });

const childrenOf = async (pid: number): Promise<number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
};

const descendantsOf = async (pid: number): Promise<number[]> => {
  const children = await childrenOf(pid);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
};

/** The files that a process has open. One that is ending has none. */
const filesOf = async (pid: number): Promise<string[]> => {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  return Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
};

/** Its sessions are in process groups of their own. */
async function stopWithSessions(child: ChildProcess): Promise<void> {
  const sessions = await descendantsOf(child.pid ?? 0);
  await endServer(child, 'SIGTERM');
  for (const session of sessions) {
    try {
      process.kill(session, 'SIGKILL');
    } catch {
      // It has ended with the server.
    }
  }
}

/**
 * Starts Debian's OpenSSH on 127.0.0.1 with users of its own, in under a second. It ends with this process, also when
 * that is killed, and leaves nothing behind.
 * @param options.settings lines of `sshd_config`, before ours: the first value counts
 * @throws Error with the command to run when it is missing, or when we are not root
 */
export async function startSsh(options: { settings?: readonly string[] } = {}): Promise<LabSsh> {
  await assertInstalled();
  const folder = await mkdtemp(join(tmpdir(), 'mooring-lab-ssh-'));
  const undo: (() => Promise<void> | void)[] = [() => rm(folder, { recursive: true, force: true })];
  const undoAll = async () => {
    while (undo.length > 0) await undo.pop()?.();
  };
  try {
    const [ed25519, ecdsa, rsa, key] = await Promise.all([
      hostKey(folder, 'ed25519'),
      hostKey(folder, 'ecdsa'),
      hostKey(folder, 'rsa'),
      makeKey(folder, 'ed25519'),
    ]);
    const password = knowSecret('SSH password of alice', randomBytes(18).toString('base64url'));
    const alice = { user: 'alice', password, key };
    const env = await writeAccounts(folder, [{ ...alice, keys: [key.publicKey] }]);
    const file = join(folder, 'sshd_config');
    let port = 0;
    let child: ChildProcess | undefined;
    for (let attempt = 1; child === undefined; attempt += 1) {
      port = await findFreePort();
      await writeFile(file, settingsOf(folder, port, options.settings ?? []));
      child = await startServer(file, env).catch((error: unknown) => {
        if (attempt === attemptsMax) throw error;
        return undefined;
      });
    }
    const server = child;
    const pid = server.pid ?? 0;
    undo.push(guardAgainstOrphan({ pid, signal: 'TERM' }, folder));
    undo.push(() => stopWithSessions(server));
    let closing: Promise<void> | undefined;
    return {
      ...{ host: '127.0.0.1', port, hostKeys: { ed25519, ecdsa, rsa }, alice },
      ...{ home: join(folder, 'home', 'alice'), uid: userId },
      async addKey(type, how) {
        const made = await makeKey(folder, type, how);
        await writeFile(join(folder, 'keys', 'alice'), `${made.publicKey}\n`, { flag: 'a' });
        return made;
      },
      sessions: async () => (await childrenOf(pid)).length,
      async hasOpen(file) {
        const open = (await Promise.all((await descendantsOf(pid)).map(filesOf))).flat();
        return open.includes(join(folder, 'home', 'alice', file));
      },
      close() {
        closing ??= undoAll();
        return closing;
      },
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}
