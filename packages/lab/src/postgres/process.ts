import { type ChildProcess, execFile } from 'node:child_process';
import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { IssuedCertificate } from '../certificate-authority.js';
import type { ServerUser } from '../server-user.js';
import { onSmallDisk } from '../small-disk.js';
import { endServer, spawnServer } from '../spawned-server.js';
import type { PostgresBinaries } from './binaries.js';

export interface ClusterOptions {
  binaries: PostgresBinaries;
  folder: string;
  user: ServerUser;
  port: number;
  /** Additional settings, `name=value`. */
  settings?: readonly string[];
  /** Size of a small disk mounted at `small` in the server's folder; absent: none is mounted. */
  smallDiskBytes?: number | undefined;
}

export const dataOf = (folder: string): string => join(folder, 'data');

/** Where the small disk is. */
export const smallDiskOf = (folder: string): string => join(folder, 'small');

export const adminName = 'lab_admin';

/** Needs a certificate of the authority with this common name. */
export const certifiedName = 'certified';
/** Needs such a certificate and a password. */
export const bothName = 'certified_and_password';

const run = promisify(execFile);

async function writeOwned(path: string, text: string, user: ServerUser): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (user !== null) await chown(path, user.uid, user.gid);
}

/** Creates the data folder with one superuser, `lab_admin`, which needs a password. */
export async function initialiseCluster(
  { binaries, folder, user }: ClusterOptions,
  secrets: { adminPassword: string; certificate: IssuedCertificate; ca: string },
): Promise<void> {
  if (user !== null) await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
  const passwordFile = join(folder, 'admin-password');
  await writeOwned(passwordFile, secrets.adminPassword, user);
  const data = dataOf(folder);
  const args = [`--pgdata=${data}`, `--username=${adminName}`, `--pwfile=${passwordFile}`, '--no-sync'];
  args.push('--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-instructions');
  await run(binaries.initdb, args, { ...user, cwd: folder });
  await writeOwned(passwordFile, '', user);
  const access = [
    `hostssl all ${certifiedName} 127.0.0.0/8 cert`,
    `hostssl all ${bothName} 127.0.0.0/8 scram-sha-256 clientcert=verify-full`,
    'host all all 127.0.0.0/8 scram-sha-256',
    '',
  ];
  await writeOwned(join(data, 'pg_hba.conf'), access.join('\n'), user);
  await writeOwned(join(data, 'root.crt'), secrets.ca, user);
  await writeOwned(join(data, 'server.crt'), secrets.certificate.cert, user);
  await writeOwned(join(data, 'server.key'), secrets.certificate.key, user);
}

const settings = [
  'listen_addresses=127.0.0.1,127.0.0.2',
  'unix_socket_directories=',
  'ssl=on',
  'ssl_ca_file=root.crt',
  'max_connections=200',
  'shared_buffers=32MB',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'io_method=sync',
  'jit=off',
  'timezone=UTC',
];

/**
 * Starts the server and waits until it accepts connections.
 * @throws Error with the tail of the server's log when the server exits first, for instance because the port is taken.
 */
export async function startServer({
  binaries,
  folder,
  user,
  port,
  settings: own = [],
  smallDiskBytes,
}: ClusterOptions): Promise<ChildProcess> {
  const small = smallDiskOf(folder);
  const disk = smallDiskBytes === undefined ? [] : onSmallDisk(small, smallDiskBytes);
  if (smallDiskBytes !== undefined && user !== null) await chown(small, user.uid, user.gid);
  // The last setting wins.
  const settingArgs = [...settings, ...own].flatMap((one) => ['-c', one]);
  const server = [binaries.postgres, '-D', dataOf(folder), '-p', String(port), ...settingArgs];
  return spawnServer({
    name: 'PostgreSQL',
    command: [...disk, ...server],
    options: { ...user, cwd: folder, detached: true },
    isReady: (log) => /ready to accept (?:read-only )?connections/.test(log),
  });
}

/** Fast shutdown: ends all sessions and the server, and waits for its exit. */
export const stopServer = (child: ChildProcess): Promise<void> => endServer(child, 'SIGINT');
