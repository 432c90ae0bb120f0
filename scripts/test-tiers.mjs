// Which test file runs in which tier, according to vitest, and the counts that differ.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVitest } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Projects that run each file in a tier: `{[file]: project[]}`. */
export async function filesOf(tier) {
  const before = process.env.TEST_TIER;
  process.env.TEST_TIER = tier;
  const vitest = await createVitest('test', { root, watch: false, reporters: [{}] });
  try {
    const specifications = await vitest.globTestSpecifications();
    const found = {};
    for (const { moduleId, project } of specifications) {
      const file = path.relative(root, moduleId);
      found[file] = [...(found[file] ?? []), project.name];
    }
    return found;
  } finally {
    await vitest.close();
    if (before === undefined) delete process.env.TEST_TIER;
    else process.env.TEST_TIER = before;
  }
}

/** `name: long, quick` of each `full(long, quick)` in a file. */
function countsIn(file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const calls = text.matchAll(/(?:(\w+)\s*[:=]\s*)?\bfull\(\s*([\d_]+),\s*([\d_]+),?\s*\)/g);
  return [...calls].map(([, name, long, quick]) => ({ name: name ?? 'count', long, quick }));
}

/** @returns `{file, counts}` of shared test code with counts */
export const sharedCounts = () =>
  readdirSync(path.join(root, 'e2e/src'), { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => ({ file: `e2e/src/${name}`, counts: countsIn(`e2e/src/${name}`) }));

/** @returns rows of `docs/reference/test-tiers.md`: file, projects in quick, projects in long, counts */
export async function testTiers() {
  const quick = await filesOf('quick');
  const long = await filesOf('long');
  const files = [...new Set([...Object.keys(quick), ...Object.keys(long)])].sort();
  return files.map((file) => ({
    file,
    quick: (quick[file] ?? []).toSorted(),
    long: (long[file] ?? []).toSorted(),
    counts: countsIn(file),
  }));
}
