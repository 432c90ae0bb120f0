import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, packPackages, run } from '../package-stand.js';

const { PATH = '' } = process.env;

let packed: Awaited<ReturnType<typeof packPackages>>;
beforeAll(async () => {
  packed = await packPackages();
}, 120_000);
afterAll(() => packed.close());

describe('other ways to install it', () => {
  it('runs from the tarball with npx, and installed for all users', { timeout: 120_000 }, async () => {
    const empty = path.join(packed.folder, 'empty');
    mkdirSync(empty);
    const relative = `./${path.basename(packed.product)}`;
    const npx = await run('npx', ['--yes', relative, 'help'], {
      cwd: packed.folder,
      env: packed.environment,
    });
    expect(npx.stdout).toMatch(/Usage: mooring/);
    await run('npm', ['install', '-g', '--prefix', empty, packed.product], { env: packed.environment });
    const { stdout } = await run(path.join(empty, 'bin/mooring'), ['--version'], { env: { PATH } });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('runs the demo beside the package of the lab', { timeout: 240_000 }, async () => {
    // Below the checkout, whose packages stand for those that an installation of the lab would bring.
    const home = mkdtempSync(path.join(checkout, '.cache/package-'));
    try {
      for (const [name, tarball] of Object.entries({ mooring: packed.product, '@mooring/lab': packed.lab })) {
        const place = path.join(home, 'node_modules', name);
        mkdirSync(place, { recursive: true });
        await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', place]);
      }
      writeFileSync(path.join(home, 'package.json'), '{"private":true}');
      const program = path.join(home, 'node_modules/mooring/bundle/mooring.js');
      const { stdout } = await run(process.execPath, [program, 'demo', '--exit'], {
        env: { PATH, HOME: packed.folder },
        maxBuffer: 2 ** 24,
      });
      expect(stdout).toMatch(/All \d+ steps passed/);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
