// All static checks in one command, the same as in CI.
import { spawnSync } from 'node:child_process';

const steps = [
  ['format and lint', 'npx', ['biome', 'check', '--error-on-warnings', '.']],
  ['words', 'node', ['scripts/check-words.mjs']],
  ['types', 'npx', ['tsc', '-b']],
  ['layering', 'npx', ['depcruise', '--config', '.dependency-cruiser.mjs', 'packages', 'e2e', 'bench']],
  ['dead code', 'npx', ['knip', '--no-progress']],
  ['shape of routes, sources and rooms', 'npx', ['vitest', 'run', 'shape.test.ts']],
  ['generated files are fresh', 'node', ['scripts/generate.mjs', '--check']],
];

let failures = 0;
for (const [name, program, parameters] of steps) {
  const started = Date.now();
  const result = spawnSync(program, parameters, { encoding: 'utf8' });
  const ok = result.status === 0;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  if (!ok) {
    failures += 1;
    process.stdout.write(`${result.stdout}${result.stderr}\n`);
  }
}
process.exit(failures === 0 ? 0 : 1);
