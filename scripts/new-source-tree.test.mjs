import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { families, newSource } from './new-source.mjs';
import { scratchCopy } from './scratch-copy.mjs';

// A source of each family in a copy of the tree: it compiles, and its suite fails for each place to fill in. In the long tier,
// as it compiles the tree.

const connectors = 'packages/connectors/src';
const lists = [`${connectors}/registry.ts`, `${connectors}/suite/harnesses.ts`];
/** One of the longest ids among them, which must not break lines otherwise. */
const ids = Object.keys(families).map((family) => [
  `new_${family}`.padEnd(family === 'sql' ? 32 : 0, 'x'),
  family,
]);

describe('new-source, in a copy of the tree', () => {
  let tree;
  const run = (program, ...parameters) => {
    const { status, stdout, stderr } = spawnSync(program, parameters, {
      cwd: tree,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    return { status, output: stdout + stderr };
  };
  /** Digest of each file, but for what tools write. */
  const files = () =>
    new Map(
      readdirSync(tree, { recursive: true, withFileTypes: true })
        .filter(
          (entry) =>
            entry.isFile() &&
            !/node_modules|\.cache|\/dist\b|tsbuildinfo/.test(path.join(entry.parentPath, entry.name)),
        )
        .map((entry) => path.join(entry.parentPath, entry.name))
        .map((file) => [
          path.relative(tree, file),
          createHash('sha256').update(readFileSync(file)).digest('hex'),
        ]),
    );
  let before;
  let former;
  let made;

  beforeAll(() => {
    tree = scratchCopy();
    before = files();
    former = lists.map((file) => readFileSync(path.join(tree, file), 'utf8'));
    made = ids.flatMap(([id, family]) => newSource({ root: tree, id, family }).made);
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  it('compiles, is formatted, and passes the static checks', () => {
    for (const [program, ...parameters] of [
      ['npx', 'tsc', '-b', 'packages/connectors'],
      ['npx', 'biome', 'check', '--vcs-enabled=false', '--error-on-warnings', ...made, ...lists],
      ['node', 'scripts/check.mjs', 'words', 'sizes', 'layering'],
    ]) {
      const { status, output } = run(program, ...parameters);
      expect(status, `${parameters.join(' ')}\n${output}`).toBe(0);
    }
    // Other findings are those of a copy without the compiler's output, which generated pages are made from.
    expect(run('node', 'scripts/check.mjs', 'dead code').output).not.toMatch(/sources\/new_|suite\//);
  });

  it.each(ids)('%s (%s): fails for each place to fill in, naming it, and for nothing else', (id) => {
    const { status, output } = run(
      'npx',
      ...[
        'vitest',
        'run',
        '--project',
        'embedded store',
        '--reporter',
        'json',
        `${connectors}/sources/${id}/`,
      ],
    );
    expect(status).not.toBe(0);
    const report = JSON.parse(output.slice(output.indexOf('{"numTotalTestSuites"')).split('\n')[0]);
    const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const marks = made
      .filter((file) => file.startsWith(`${connectors}/sources/${id}/`))
      .flatMap((file) => readFileSync(path.join(tree, file), 'utf8').match(/FILL IN: .*/g) ?? []);
    expect(marks.length).toBeGreaterThan(5);
    expect(tests.map(({ title }) => title.replace(/^\S+:\d+: /, 'FILL IN: '))).toEqual(marks);
    for (const { status: outcome, failureMessages } of tests) {
      expect(outcome).toBe('failed');
      expect(failureMessages[0]).toMatch(
        new RegExp(`^AssertionError: Fill in sources/${id}/[\\w.]+, line \\d+: .`),
      );
    }
  });

  it('fails the check of shapes with the same places', () => {
    const { status, output } = run('npx', 'vitest', 'run', 'sources.shape.test.ts', 'harness.shape.test.ts');
    expect(status).not.toBe(0);
    const failed = [...output.matchAll(/^ FAIL .* > (.*)$/gm)].map(([, title]) => title);
    expect([...new Set(failed)]).toEqual(['leaves nothing to fill in']);
  });

  it('leaves nothing once it is undone', () => {
    for (const [id] of ids)
      rmSync(path.join(tree, connectors, 'sources', id), { recursive: true, force: true });
    for (const [at, file] of lists.entries()) writeFileSync(path.join(tree, file), former[at]);
    expect(files()).toEqual(before);
  });
});
