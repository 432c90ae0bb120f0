// A copy of the work tree that may be broken.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The work tree without generated files, uncommitted changes included, with the dependencies of this checkout.
 * @returns its path in a temporary folder, to be removed by the caller
 */
export function scratchCopy() {
  const copy = mkdtempSync(path.join(tmpdir(), 'mooring-scratch-'));
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  for (const file of listed.stdout.split('\0')) {
    const source = path.join(root, file);
    if (file === '' || file.split('/').includes('node_modules') || !existsSync(source)) continue;
    mkdirSync(path.join(copy, path.dirname(file)), { recursive: true });
    cpSync(source, path.join(copy, file), { force: true });
  }
  // Our own packages are links to the copy, all others to this checkout.
  const modules = path.join(copy, 'node_modules');
  mkdirSync(path.join(modules, '@mooring'), { recursive: true });
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (name !== '@mooring') symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  }
  const names = readdirSync(path.join(copy, 'packages'));
  for (const name of names)
    symlinkSync(path.join('../../packages', name), path.join(modules, '@mooring', name));
  for (const folder of [...names.map((name) => `packages/${name}`), 'e2e', 'bench']) {
    const own = path.join(root, folder, 'node_modules');
    if (existsSync(own)) symlinkSync(own, path.join(copy, folder, 'node_modules'));
  }
  return copy;
}
