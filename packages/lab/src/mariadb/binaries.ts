import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface MariaDbBinaries {
  install: string;
  server: string;
}

const run = promisify(execFile);
/** The programs only: installing the service would start it on port 3306. */
const packages = ['mariadb-server-core', 'mariadb-client-core'];
const places = {
  install: ['/usr/bin/mariadb-install-db', '/usr/bin/mysql_install_db'],
  server: ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd'],
};

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

async function find(): Promise<MariaDbBinaries | undefined> {
  const [install, server] = [await firstExecutable(places.install), await firstExecutable(places.server)];
  return install === undefined || server === undefined ? undefined : { install, server };
}

/**
 * Finds MariaDB's programs, or installs them from Debian when run by root; npm has no such package.
 * @throws Error with the command to run, when that is not possible.
 */
export async function findMariaDb(): Promise<MariaDbBinaries> {
  const found = await find();
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
  const installed = await find();
  if (installed === undefined) throw new Error(`MariaDB is still missing after: ${command}`);
  return installed;
}
