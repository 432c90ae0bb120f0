import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchCopy } from './scratch-copy.mjs';

// `npm run check` on a copy of the tree in which each kind of violation was planted once. In the long tier: the steps
// parse the whole tree, for which a busy machine takes minutes.

const steps = ['words', 'layering', 'dead code', 'sizes'];

const store = 'packages/server/src/core/store';
const longFunction = (name, lines) => `export function ${name}() {\n${'  step();\n'.repeat(lines - 2)}}\n`;

/** New files, by path. */
const files = {
  [`${store}/planted-import.ts`]: "export type * from '../../web/http/server.js';\n",
  [`${store}/planted-first.ts`]:
    "import type { Second } from './planted-second.js';\nexport type First = Second[];\n",
  [`${store}/planted-second.ts`]:
    "import type { First } from './planted-first.js';\nexport type Second = First[];\n",
  [`${store}/planted-long.ts`]: longFunction('plantedLong', 90),
  'packages/contract/src/planted-text.ts':
    "export const plantedText = 'The page is none that was given out.';\n",
};

/** A live file of each package: of those with doors one that is a door, and one that is not. */
const live = [
  `${store}/store.ts`,
  `${store}/name-fold.ts`,
  'packages/connectors/src/interface/errors.ts',
  'packages/connectors/src/kit/tls.ts',
  'packages/contract/src/values.ts',
  'packages/contract/src/ignored-input.ts',
  'packages/cli/src/loopback.ts',
  'packages/lab/src/seeded.ts',
  'packages/lab/src/control.ts',
  'e2e/src/product.ts',
  'bench/src/stage.ts',
];
const packages = [
  'packages/server',
  'packages/connectors',
  'packages/contract',
  'packages/cli',
  'packages/lab',
];
const deadFiles = [...packages, 'e2e', 'bench'].map((folder) => `${folder}/src/planted-dead.ts`);

describe('check', () => {
  let tree;
  let status;
  let output;

  beforeAll(() => {
    tree = scratchCopy();
    for (const [file, text] of Object.entries(files)) writeFileSync(path.join(tree, file), text);
    for (const file of deadFiles) writeFileSync(path.join(tree, file), 'export const isDead = true;\n');
    for (const file of live) appendFileSync(path.join(tree, file), '\nexport const plantedDeadExport = 1;\n');
    const run = spawnSync(process.execPath, ['scripts/check.mjs', ...steps], { cwd: tree, encoding: 'utf8' });
    status = run.status;
    output = run.stdout;
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  it('fails in each step that has something to refuse', () => {
    expect(status, output).toBe(1);
    for (const step of steps) expect(output).toMatch(new RegExp(`^FAIL ${step} `, 'm'));
  });

  it('refuses an import that the table of rooms forbids, of types too', () => {
    expect(output).toMatch(
      /room-store: packages\/server\/src\/core\/store\/planted-import\.ts → packages\/server\/src\/web\/http\/server\.ts/,
    );
    expect(output).toContain('store may import');
  });

  it('refuses a circle of types alone', () => {
    expect(output).toMatch(/no-cycle: \S+planted-(first|second)\.ts →\s+\S+planted-(first|second)\.ts/);
  });

  it('refuses a dead file in each package', () => {
    for (const file of deadFiles) expect(output).toMatch(new RegExp(`^${file}`, 'm'));
  });

  it('refuses a dead export in each package, behind a door or not', () => {
    const reported = output.split('\n').filter((line) => line.includes('plantedDeadExport'));
    const missed = live.filter((file) => !reported.some((line) => line.includes(path.basename(file))));
    expect(missed, output).toEqual([]);
  });

  it('refuses a function of 90 lines', () => {
    expect(output).toContain(`${store}/planted-long.ts:1 plantedLong: 90 lines, the limit is 80. Split it`);
  });

  it('refuses “none that was given out” in a text', () => {
    expect(output).toMatch(/^packages\/contract\/src\/planted-text\.ts:1 “none that was”: write /m);
    expect(output).toMatch(/^packages\/contract\/src\/planted-text\.ts:1 “given out”: write issued$/m);
  });
});
