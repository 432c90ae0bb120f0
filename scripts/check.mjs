// All static checks in one command, the same as in CI; with names of steps as arguments, only those.
import { spawnSync } from 'node:child_process';

const cruise = ['--config', '.dependency-cruiser.mjs', '--output-type', 'err-long'];
const steps = [
  ['format and lint', 'npx', ['biome', 'check', '--error-on-warnings', '.']],
  ['words', 'node', ['scripts/check-words.mjs']],
  ['sizes', 'node', ['scripts/check-limits.mjs']],
  ['types', 'npx', ['tsc', '-b']],
  ['layering', 'npx', ['depcruise', ...cruise, 'packages', 'e2e', 'bench']],
  ['dead code', 'npx', ['knip', '--no-progress']],
  ['shape of routes, sources and rooms', 'npx', ['vitest', 'run', 'shape.test.ts']],
  ['generated files are fresh', 'node', ['scripts/generate.mjs', '--check']],
];

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !steps.some(([step]) => step === name));
if (unknown.length > 0) {
  process.stderr.write(`Unknown: ${unknown.join(', ')}. Steps: ${steps.map(([step]) => step).join(', ')}\n`);
  process.exit(1);
}

let failures = 0;
for (const [name, program, parameters] of steps) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const started = Date.now();
  const result = spawnSync(program, parameters, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const ok = result.status === 0;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  if (!ok) {
    failures += 1;
    process.stdout.write(`${result.stdout}${result.stderr}\n`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;
