import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startNpmRegistry } from './npm-registry.js';

// What is published, installed as a user installs it: an empty folder, Node, and a registry.

export const run = promisify(execFile);
export const checkout = fileURLToPath(new URL('../../', import.meta.url));
const { PATH = '' } = process.env;

/** Packs the product and the lab into a temporary folder, and starts a registry that has what they depend on. */
export async function packPackages() {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-package-'));
  const registry = await startNpmRegistry();
  const { stdout } = await run(process.execPath, [path.join(checkout, 'scripts/pack.mjs'), folder]);
  const [product = '', lab = ''] = stdout.trim().split('\n');
  return {
    folder,
    /** Path of the tarball of `mooring`. */
    product,
    /** Path of the tarball of `@mooring/lab`. */
    lab,
    /** Nothing of this process's environment, but a registry on loopback. */
    environment: {
      PATH,
      HOME: folder,
      npm_config_registry: registry.url,
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    },
    close: async () => {
      await registry.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
