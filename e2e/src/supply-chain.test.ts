import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');
const npm = (...parameters: string[]): string =>
  execFileSync('npm', parameters, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });

interface Locked {
  name?: string;
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const locked: Record<string, Locked> = JSON.parse(read('package-lock.json')).packages;
/** What a registry serves, by its place in `node_modules`. */
const fetched = Object.entries(locked).filter(([at, { link }]) => at.includes('node_modules/') && !link);
const workspaces = Object.keys(locked).filter((at) => !at.includes('node_modules/'));
const nameAt = (at: string): string => at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** The packages that one workspace runs with, found as Node finds them: from the nearest `node_modules` outwards. */
function runtimeOf(workspace: string): Set<string> {
  const found = new Set<string>();
  const walk = (at: string) => {
    const entry = locked[at];
    for (const name of Object.keys({ ...entry?.dependencies, ...entry?.optionalDependencies })) {
      let from = at;
      let place = `${from}/node_modules/${name}`;
      while (!(place in locked) && from !== '') {
        from = from.includes('/') ? from.slice(0, from.lastIndexOf('/')) : '';
        place = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
      }
      const target = locked[place]?.link ? (locked[place]?.resolved ?? '') : place;
      if (!(target in locked) || found.has(target)) continue;
      found.add(target);
      walk(target);
    }
  };
  walk(workspace);
  return new Set([...found].filter((at) => at.includes('node_modules/')));
}

const page = read('docs/reference/supply-chain.md');
const published = (what: string): number => {
  const match = new RegExp(`^\\| ${what} \\|\\s+(\\d+) \\|`, 'm').exec(page);
  if (!match) throw new Error(`docs/reference/supply-chain.md does not say: ${what}`);
  return Number(match[1]);
};

it('C01: npm runs no install script, and our packages have none', () => {
  expect(npm('config', 'get', 'ignore-scripts').trim()).toBe('true');
  expect(JSON.parse(read('package.json'))).not.toHaveProperty('allowScripts');
  for (const workspace of workspaces) {
    const { scripts = {} } = JSON.parse(read(`${workspace ? `${workspace}/` : ''}package.json`));
    const onInstall = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
    expect(onInstall.filter((name) => name in scripts)).toEqual([]);
  }
});

describe('C02: the lockfile', () => {
  it('has a sha512 integrity for every package, and no address but the npm registry', () => {
    expect(fetched.length).toBeGreaterThan(100);
    for (const [at, { integrity, resolved }] of fetched) {
      expect(integrity, at).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      // Without an address npm asks the registry it is configured for, and holds the answer to the integrity.
      if (resolved) expect(new URL(resolved).origin, at).toBe('https://registry.npmjs.org');
    }
  });

  it('is held to exact versions by every manifest', () => {
    for (const workspace of workspaces) {
      const { dependencies = {}, devDependencies = {} } = locked[workspace] ?? {};
      for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
        expect(range, `${name} in ${workspace || 'the root'}`).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
      }
    }
  });

  it('has an entry for every platform package that something may need', () => {
    for (const [at, { optionalDependencies = {} }] of fetched) {
      for (const name of Object.keys(optionalDependencies)) {
        const places = [`${at}/node_modules/${name}`, `node_modules/${name}`];
        expect(
          places.some((place) => place in locked),
          `${name} of ${at}`,
        ).toBe(true);
      }
    }
  });
});

describe('C03: the packages that run with the server', () => {
  const runtime = runtimeOf('packages/server');

  it('keep the published budget', () => {
    const budget = published('packages at run time, at most');
    expect(runtime.size).toBeGreaterThan(20);
    expect(runtime.size).toBeLessThanOrEqual(budget);
    // A budget far above what is used would be none.
    expect(runtime.size).toBeGreaterThan(budget * 0.9);
  });

  it('are the ones the page names where they have an install script, as those of tests are', () => {
    const scripted = fetched.filter(([, { hasInstallScript }]) => hasInstallScript).map(([at]) => at);
    expect(scripted.filter((at) => runtime.has(at)).map(nameAt)).toEqual(['cpu-features', 'ssh2']);
    expect(scripted).toHaveLength(published('packages with an install script, which never runs'));
    for (const at of scripted) expect(page).toContain(`\`${nameAt(at)}\``);
  });
});

describe('C03: the bundle', () => {
  const inside = [...read('docs/reference/bundle-packages.md').matchAll(/^- `(.+)@([^@`]+)`$/gm)];

  it('has code of packages of the lockfile only, each in the version that is locked, and one that does without its install script', () => {
    expect(inside.length).toBeGreaterThan(50);
    const known = new Map(fetched.map(([at, entry]) => [`${nameAt(at)}@${entry.version}`, entry]));
    for (const [, name, version] of inside) {
      expect(known.get(`${name}@${version}`), `${name}@${version}`).toMatchObject({ version });
      // Its addon is optional; docs/decisions/2026-11-30-ssh-client.md.
      if (name !== 'ssh2') expect(known.get(`${name}@${version}`)).not.toHaveProperty('hasInstallScript');
    }
  });
});

describe('C05: the bill of materials', () => {
  let components: { name: string; version: string; hashes?: { content: string }[] }[];
  beforeAll(() => {
    components = JSON.parse(npm('run', '--silent', 'sbom')).components;
  });

  it('is CycloneDX and has exactly what the lockfile has, with the same digests', () => {
    const inLockfile = new Map(
      fetched.map(([at, { name, version, integrity = '' }]) => [
        `${name ?? nameAt(at)}@${version}`,
        Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex'),
      ]),
    );
    const inBill = new Map(
      // The workspaces themselves come from no registry and have no digest.
      components
        .filter(({ hashes }) => hashes)
        .map(({ name, version, hashes }) => [`${name}@${version}`, hashes?.[0]?.content]),
    );
    expect([...inBill].sort()).toEqual([...inLockfile].sort());
  });
});

it('C10: npm saves exact versions and runs no install script', () => {
  const ownSettings = read('.npmrc').split('\n');
  for (const line of ['save-exact=true', 'ignore-scripts=true']) expect(ownSettings).toContain(line);
});
