import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface MariaDbBinaries {
  install: string;
  server: string;
  /** The folder with the plug-in for sign-in by ed25519; absent where Debian's whole server is missing. */
  plugins?: string;
}

const run = promisify(execFile);
/** The programs only: installing the service would start it on port 3306. */
const packages = ['mariadb-server-core', 'mariadb-client-core'];
const places = {
  install: ['/usr/bin/mariadb-install-db', '/usr/bin/mysql_install_db'],
  server: ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd'],
};
const pluginFolder = '/usr/lib/mysql/plugin';
const ed25519 = join(pluginFolder, 'auth_ed25519.so');
const isThere = (path: string, mode = constants.X_OK) =>
  access(path, mode).then(
    () => true,
    () => false,
  );

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await isThere(path)) return path;
  }
  return undefined;
}

async function find(): Promise<MariaDbBinaries | undefined> {
  const [install, server] = [await firstExecutable(places.install), await firstExecutable(places.server)];
  if (install === undefined || server === undefined) return undefined;
  return { install, server, ...((await isThere(ed25519, constants.R_OK)) ? { plugins: pluginFolder } : {}) };
}

/**
 * Takes the plug-in out of Debian's package, whose installation would start the service. Without it the server runs, and
 * has no login by ed25519.
 */
async function addPlugin(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-lab-plugin-'));
  try {
    const script =
      'apt-get download mariadb-server && dpkg-deb -x mariadb-server_*.deb . && install -D -m 644 ".$0" "$0"';
    await run('sh', ['-c', script, ed25519], { cwd: folder });
  } catch {
    // No network, or another system.
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Finds MariaDB's programs, or installs them from Debian when run by root; npm has no such package.
 * @throws Error with the command to run, when that is not possible.
 */
export async function findMariaDb(): Promise<MariaDbBinaries> {
  const found = await find();
  if (found && !found.plugins && process.getuid?.() === 0) {
    await addPlugin();
    return (await find()) ?? found;
  }
  if (found !== undefined) return found;
  const command = `apt-get update && apt-get install -y ${packages.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`MariaDB is not installed. Run: sudo sh -c '${command}'`);
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], {
      env,
      maxBuffer: 2 ** 26,
    });
  } catch (cause) {
    throw new Error(`MariaDB is not installed and installing it failed. Run: ${command}`, { cause });
  }
  await addPlugin();
  const installed = await find();
  if (installed === undefined) throw new Error(`MariaDB is still missing after: ${command}`);
  return installed;
}
