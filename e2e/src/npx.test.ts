import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { executable } from './product.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-npx-'));
let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const answers = async (url: string) =>
  fetch(`${url}/healthz`).then(
    ({ status }) => status,
    () => 'gone',
  );

it('LI16: a service that npx started ends with it', { timeout: 120_000 }, async () => {
  mkdirSync(path.join(folder, 'node_modules/.bin'), { recursive: true });
  const bin = `#!/usr/bin/env node\nimport(${JSON.stringify(pathToFileURL(executable).href)});\n`;
  writeFileSync(path.join(folder, 'node_modules/.bin/mooring'), bin, { mode: 0o755 });
  writeFileSync(
    path.join(folder, 'package.json'),
    '{"name":"some-package","version":"1.0.0","private":true}',
  );
  const { PATH = '' } = process.env;
  const args = ['--no-install', 'mooring', 'serve', '--port', '0'];
  const npx = spawn('npx', [...args, '--data', path.join(folder, 'data')], {
    cwd: folder,
    env: { PATH, HOME: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child = npx;
  let printed = '';
  npx.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  const url = () => /^Mooring listening on (\S+)$/m.exec(printed)?.[1] ?? '';
  await expect.poll(url, { timeout: 60_000 }).not.toBe('');
  expect(await answers(url())).toBe(200);
  npx.kill('SIGTERM');
  await expect.poll(() => answers(url()), { timeout: 20_000 }).toBe('gone');
});
