import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StrayReport } from '../../suite/stray-child.js';

// In a process of their own, because the handlers of stray errors are the process's.

const run = promisify(execFile);
let folder: string;
let child: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'stray-'));
  child = path.join(folder, 'stray-child.js');
  const build = await rolldown({
    input: fileURLToPath(new URL('../../suite/stray-child.ts', import.meta.url)),
    platform: 'node',
    resolve: { conditionNames: ['mooring-source', 'node'], extensionAlias: { '.js': ['.ts', '.js'] } },
  });
  await build.write({ format: 'esm', file: child, codeSplitting: false });
  await build.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a stray error of a driver ends its session alone', async () => {
  const { stdout } = await run(process.execPath, [child]);
  const reports = JSON.parse(stdout) as StrayReport[];
  expect(reports.length).toBeGreaterThan(12);
  const last = reports.pop();
  for (const { way, when, ...report } of reports) {
    // The session that was idle is closed for the work that comes after the error.
    const failure =
      when === 'idle'
        ? { kind: 'unreachable', message: 'The session is closed.' }
        : { kind: 'crashed', message: 'The driver failed; its session was ended.' };
    expect(report, `${way} while ${when}`).toMatchObject({
      ...failure,
      ...{ isBroken: true, openSockets: 0, rowsBeside: 20 },
    });
    expect(report.strays, `${way} while ${when}`).toBeGreaterThan(0);
  }
  // Started by the session before, to which its errors belong; this one only ends by its timeout.
  expect(last).toMatchObject({ way: 'moduleTimer', kind: 'timeout', rowsBeside: 20 });
});

it('an error that belongs to no session ends the process, as before', async () => {
  const ended = run(process.execPath, [child, 'microtask']).then(
    () => 0,
    ({ code }: { code: number }) => code,
  );
  const [major = 0] = process.versions.node.split('.').map(Number);
  expect(await ended).toBe(major < 24 ? 3 : 0);
});
